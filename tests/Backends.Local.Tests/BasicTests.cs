using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed class BasicTests : IDisposable
{
    readonly Share _share = new();

    public void Dispose() => _share.Dispose();

    [Fact]
    public void A_listing_that_fails_after_entries_that_are_gone_tells_so()
    {
        var path = _share.Host("directory");
        Directory.CreateDirectory(path);
        // So many that "." and ".." come first on ext4 too, which lists small directories by hash.
        for (var i = 0; i < 500; i++)
            File.WriteAllText(Path.Combine(path, $"file{i}"), "");
        var node = _share.Lookup("directory").Node;
        var handle = _share.OpenDirectory(node);
        var listing = new Listing(plus: true, room: 2);
        Assert.Equal(Errno.None, _share.List(node, handle, 0, listing));
        Assert.Equal([".", ".."], listing.Names.Select(entry => entry.Name).Order());
        Directory.Delete(path, recursive: true);
        listing.MakeRoom(2);

        Assert.Equal(Errno.ENOENT, _share.List(node, handle, listing.LastOffset, listing));
    }

    [Fact]
    public void A_file_of_the_host_is_found_opened_and_read()
    {
        File.WriteAllText(_share.Host("hello"), "content");

        var entry = _share.Lookup("hello");
        var handle = _share.Open(entry.Node);

        Assert.Equal(7UL, entry.Attributes.Size);
        Assert.Equal("content", _share.Read(entry.Node, handle));
        Assert.Equal("tent", _share.Read(entry.Node, handle, 3));
        Assert.Equal(Errno.None, _share.Release(entry.Node, handle));
        Assert.Equal(Errno.EBADF, _share.Release(entry.Node, handle));
        Assert.Equal(Errno.EBADF, _share.TryRead(entry.Node, handle, 0, new byte[1]).Error);
    }

    [Fact]
    public void A_name_that_is_not_there_is_ENOENT() => Assert.Equal(Errno.ENOENT, _share.TryLookup("nothing").Error);

    [Fact]
    public void A_created_file_can_be_written_and_is_on_the_host()
    {
        var made = _share.Create("new");

        _share.Write(made.Entry.Node, made.Open.Handle, "written");

        Assert.Equal("written", File.ReadAllText(_share.Host("new")));
        Assert.Equal(7UL, _share.Attributes(made.Entry.Node, made.Open.Handle).Size);
        Assert.Equal(7UL, _share.Attributes(made.Entry.Node).Size);
    }

    [Fact]
    public void Creating_an_existing_file_opens_it_unless_exclusive()
    {
        File.WriteAllText(_share.Host("there"), "old");

        var opened = _share.Create("there");

        Assert.Equal("old", _share.Read(opened.Entry.Node, opened.Open.Handle));
        Assert.Equal(Errno.EEXIST, _share.TryCreate("there", Share.RDWR | OpenFlags.O_EXCL).Error);
    }

    [Fact]
    public void A_directory_lists_its_names_with_stable_offsets()
    {
        var names = Enumerable.Range(0, 500).Select(i => $"file-{i}").ToList();
        names.ForEach(name => File.WriteAllText(_share.Host(name), ""));
        var handle = _share.OpenDirectory(Share.Root);

        var whole = new Listing(plus: false);
        Assert.Equal(Errno.None, _share.List(Share.Root, handle, 0, whole));
        var pieces = new Listing(plus: true);
        for (var before = -1; pieces.Names.Count != before;)
        {
            before = pieces.Names.Count;
            pieces.MakeRoom(7);
            Assert.Equal(Errno.None, _share.List(Share.Root, handle, pieces.LastOffset, pieces));
        }
        var again = new Listing(plus: false);
        Assert.Equal(Errno.None, _share.List(Share.Root, handle, whole.Names[99].Next, again));

        Assert.Equal(names.Append(".").Append("..").Order(), whole.Names.Select(entry => entry.Name).Order());
        Assert.Equal(whole.Names.Select(entry => entry.Name), pieces.Names.Select(entry => entry.Name));
        Assert.Equal(whole.Names.Skip(100), again.Names);
        Assert.Equal(500, pieces.Entries.Count);
        Assert.DoesNotContain(whole.Names, entry => entry.Next == 0);
    }

    [Fact]
    public void Names_are_made_moved_and_removed()
    {
        var directory = _share.MakeDirectory("directory");
        var made = _share.Create("a");

        Assert.Equal(Errno.None, _share.Rename("a", "b", newParent: directory.Node));
        Assert.Equal(made.Entry.Node, _share.Lookup("b", directory.Node).Node);
        Assert.Equal(Errno.ENOTEMPTY, _share.RemoveDirectory("directory"));
        Assert.Equal(Errno.None, _share.Unlink("b", directory.Node));
        Assert.Equal(Errno.None, _share.RemoveDirectory("directory"));
        Assert.Empty(Directory.GetFileSystemEntries(_share.Path));
    }

    [Fact]
    public void A_symbolic_link_is_read_and_never_followed()
    {
        var link = _share.SymbolicLink("link", "/etc/passwd");

        Assert.Equal("/etc/passwd", _share.ReadLink(link.Node));
        Assert.True(StatMode.IsSymbolicLink(link.Attributes.Mode));
        Assert.Equal(Errno.EACCES, _share.TryOpen(link.Node).Error);
        Assert.Equal(Errno.ELOOP, _share.TryCreate("link").Error);
        Assert.Equal(Errno.ENOTDIR, _share.TryLookup("x", link.Node).Error);
    }

    [Fact]
    public void Hard_links_are_one_inode()
    {
        var made = _share.Create("a");

        var link = _share.TryLink(made.Entry.Node, "b").Value;

        Assert.Equal(made.Entry.Node, link.Node);
        Assert.Equal(2u, link.Attributes.LinkCount);
        Assert.Equal(made.Entry.Attributes.Ino, _share.Lookup("b").Attributes.Ino);
    }

    [Fact]
    public void Attributes_are_changed()
    {
        var made = _share.Create("file");
        _share.Write(made.Entry.Node, made.Open.Handle, "0123456789");

        var attributes = _share.Set(made.Entry.Node, new SetAttributes
        {
            Valid = SetAttributesValid.Mode | SetAttributesValid.Size | SetAttributesValid.ModifyTime,
            Mode = 0x180,
            Size = 4,
            ModifyTime = new Timestamp(-5, 250),
        });

        Assert.Equal(StatMode.Regular | 0x180u, attributes.Mode);
        Assert.Equal(4UL, attributes.Size);
        Assert.Equal(new Timestamp(-5, 250), attributes.ModifyTime);
        Assert.Equal("0123", File.ReadAllText(_share.Host("file")));
    }
}
