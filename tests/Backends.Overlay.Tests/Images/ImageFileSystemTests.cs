using System.Text;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using Xunit;
using static VirtioFsStore.Backends.Overlay.Tests.Images.TestImage;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

public sealed class ImageFileSystemTests
{
    const uint SeekData = 3, SeekHole = 4;

    [Fact]
    public void It_is_immutable_and_read_only()
    {
        using var image = new TestImage(new TestLayer().File("f", "x"));
        Assert.Equal(FileSystemTraits.Immutable | FileSystemTraits.ReadOnly, image.FileSystem.Traits);
        Assert.Equal(Errno.EROFS, Now(image.FileSystem.MakeDirectoryAsync(image.Request.Named("d"u8), NodeId.Root, 0, 0)).Error);
        foreach (var flags in new[] { OpenFlags.O_WRONLY, OpenFlags.O_RDWR, OpenFlags.O_RDONLY | OpenFlags.O_TRUNC })
            Assert.Equal(Errno.EROFS, Now(image.FileSystem.OpenAsync(image.Request, image.NodeAt("f"), new OpenRequest { Flags = flags })).Error);
    }

    [Fact]
    public void A_name_that_is_not_there_may_be_remembered_for_ever()
    {
        using var image = new TestImage(new TestLayer().File("f"));
        var entry = Now(image.FileSystem.LookupAsync(image.Request.Named("none"u8), NodeId.Root)).Value;
        Assert.Equal((NodeId.None, Validity.Unlimited), (entry.Node, entry.EntryValidity));
    }

    [Fact]
    public void A_lookup_below_a_file_and_in_no_node_fails()
    {
        using var image = new TestImage(new TestLayer().File("f"));
        Assert.Equal(Errno.ENOTDIR, Now(image.FileSystem.LookupAsync(image.Request.Named("x"u8), image.NodeAt("f"))).Error);
        foreach (var node in new[] { 0ul, 3ul, NodeId.MaxValue })
            Assert.Equal(Errno.ESTALE, Now(image.FileSystem.LookupAsync(image.Request.Named("x"u8), new NodeId(node))).Error);
    }

    [Fact]
    public void Attributes_are_those_of_the_layers()
    {
        using var image = new TestImage(new TestLayer()
            .File(new TestEntry(LayerEntryType.Regular, "f") { Mode = 0x9ed, Uid = 3_000_000, Gid = 7, Mtime = -2, Nanoseconds = 5 }, new byte[5000])
            .HardLink("g", "f").Symlink("s", "abc").Directory("d").Directory("d/e")
            .Add(new TestEntry(LayerEntryType.CharacterDevice, "c") { Major = 10, Minor = 200 }));
        var entry = image.Find("f");
        var found = entry.Attributes;
        Assert.Equal((5000ul, 16ul, StatMode.Regular | 0x9edu, 2u, 3_000_000u, 7u), (found.Size, found.Blocks, found.Mode, found.LinkCount, found.Uid, found.Gid));
        Assert.Equal(new Timestamp(-2, 5), found.ModifyTime);
        Assert.Equal((found.ModifyTime, found.ModifyTime), (found.AccessTime, found.ChangeTime));
        Assert.Equal((entry.Node.Value, Validity.Unlimited, Validity.Unlimited), (found.Ino, entry.EntryValidity, entry.AttributesValidity));
        Assert.Equal(entry.Node, image.NodeAt("g"));
        Assert.Equal((3ul, 0ul), (image.Find("s").Attributes.Size, image.Find("s").Attributes.Blocks));
        Assert.Equal((3u, 4096ul), (image.Find("d").Attributes.LinkCount, image.Find("d").Attributes.Size));
        Assert.Equal((10u, 200u), (image.Find("c").Attributes.DeviceMajor, image.Find("c").Attributes.DeviceMinor));
        var again = Now(image.FileSystem.GetAttributesAsync(image.Request, entry.Node, null)).Value;
        Assert.Equal(found, again.Attributes);
    }

    [Fact]
    public void A_link_is_read_up_to_the_room_there_is()
    {
        using var image = new TestImage(new TestLayer().Symlink("s", "to/there").File("f"));
        Assert.Equal(8, Now(image.FileSystem.ReadLinkAsync(image.Request, image.NodeAt("s"), 4096)).Value);
        Assert.Equal("to/there"u8, image.Request.Answer(8));
        Assert.Equal(3, Now(image.FileSystem.ReadLinkAsync(image.Request, image.NodeAt("s"), 3)).Value);
        Assert.Equal(Errno.EINVAL, Now(image.FileSystem.ReadLinkAsync(image.Request, image.NodeAt("f"), 4096)).Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_listing_goes_on_where_the_guests_buffer_was_full(bool plus)
    {
        var layer = new TestLayer().Directory("d");
        var names = Enumerable.Range(0, 100).Select(i => $"f{i:000}").ToArray();
        foreach (var name in names)
            layer.File("d/" + name);
        using var image = new TestImage(layer);
        foreach (var room in new[] { 1, 2, 3, 7, 1000 })
        {
            var found = new List<string>();
            for (var offset = 0ul; ;)
            {
                var writer = new TestDirectoryWriter(plus, room);
                Assert.Equal(Errno.None, Now(image.FileSystem.ReadDirectoryAsync(image.Request, image.NodeAt("d"), HandleId.None, offset, writer)));
                if (writer.Entries.Count == 0)
                    break;
                found.AddRange(writer.Entries.Select(entry => Encoding.Latin1.GetString(entry.Name)));
                offset = writer.Entries[^1].Next;
                Assert.All(writer.Entries, entry => Assert.Equal(plus && entry.Name is not [(byte)'.', ..], entry.Entry is not null));
            }

            Assert.Equal([".", "..", .. names], found);
        }
    }

    [Fact]
    public void A_listing_tells_the_same_as_lookups()
    {
        using var image = new TestImage(new TestLayer().File("d/f", "x").Symlink("d/s", "t").Directory("d/e").HardLink("d/h", "d/f"));
        var writer = new TestDirectoryWriter(true, 100);
        Assert.Equal(Errno.None, Now(image.FileSystem.ReadDirectoryAsync(image.Request, image.NodeAt("d"), HandleId.None, 0, writer)));
        Assert.Equal((image.NodeAt("d").Value, NodeId.Root.Value), (writer.Entries[0].Ino, writer.Entries[1].Ino));
        foreach (var (name, ino, type, _, entry) in writer.Entries.Skip(2))
        {
            var looked = image.Find("d/" + Encoding.Latin1.GetString(name));
            Assert.Equal(looked, entry);
            Assert.Equal((looked.Node.Value, looked.Attributes.Mode >> 12), (ino, type));
        }
    }

    [Fact]
    public void Listing_past_the_end_and_of_a_file_gives_nothing()
    {
        using var image = new TestImage(new TestLayer().File("f"));
        foreach (var offset in new[] { 3ul, 4ul, ulong.MaxValue, 1ul << 32 })
        {
            var writer = new TestDirectoryWriter(true, 100);
            Assert.Equal(Errno.None, Now(image.FileSystem.ReadDirectoryAsync(image.Request, NodeId.Root, HandleId.None, offset, writer)));
            Assert.Empty(writer.Entries);
        }

        Assert.Equal(Errno.ENOTDIR, Now(image.FileSystem.ReadDirectoryAsync(image.Request, image.NodeAt("f"), HandleId.None, 0, new TestDirectoryWriter(true, 1))));
    }

    [Theory]
    [InlineData(0, 100, 100)]
    [InlineData(1, 9999, 9999)]
    [InlineData(9000, 5000, 1000)]
    [InlineData(9999, 1, 1)]
    [InlineData(10000, 10, 0)]
    [InlineData(long.MaxValue, 10, 0)]
    public void Reads_end_where_the_file_ends(long offset, int length, int expected)
    {
        var content = new byte[10000];
        new Random(1).NextBytes(content);
        using var image = new TestImage(new TestLayer().File("before", "zzz").File(new TestEntry(LayerEntryType.Regular, "f"), content).File("after", "zzz"));
        var read = Now(image.FileSystem.ReadAsync(image.Request, image.NodeAt("f"), HandleId.None, (ulong)offset, image.Request.Into(length)));
        Assert.Equal((expected, Errno.None), (read.Value, read.Error));
        if (expected > 0)
            Assert.Equal(content.AsSpan((int)offset, expected), image.Request.Buffer[..expected]);
    }

    [Fact]
    public void Only_regular_files_are_opened_and_read()
    {
        using var image = new TestImage(new TestLayer().Directory("d").Symlink("s", "d").Add(new TestEntry(LayerEntryType.Fifo, "p")).File("f"));
        Assert.Equal(Errno.EISDIR, Now(image.FileSystem.OpenAsync(image.Request, image.NodeAt("d"), default)).Error);
        Assert.Equal(Errno.ELOOP, Now(image.FileSystem.OpenAsync(image.Request, image.NodeAt("s"), default)).Error);
        Assert.Equal(Errno.ENXIO, Now(image.FileSystem.OpenAsync(image.Request, image.NodeAt("p"), default)).Error);
        Assert.Equal(Errno.EISDIR, Now(image.FileSystem.ReadAsync(image.Request, image.NodeAt("d"), HandleId.None, 0, image.Request.Into(1))).Error);
        Assert.Equal(Errno.ENOTDIR, Now(image.FileSystem.OpenDirectoryAsync(image.Request, image.NodeAt("f"), 0)).Error);
        Assert.Equal(OpenReplyFlags.KeepCache, Now(image.FileSystem.OpenAsync(image.Request, image.NodeAt("f"), default)).Value.Flags);
        Assert.Equal(OpenReplyFlags.KeepCache | OpenReplyFlags.CacheDirectory, Now(image.FileSystem.OpenDirectoryAsync(image.Request, image.NodeAt("d"), 0)).Value.Flags);
    }

    [Fact]
    public void A_data_file_that_was_cut_short_is_an_error_and_not_a_short_read()
    {
        using var image = new TestImage(new TestLayer().File("f", new string('x', 9000)));
        image.Contents[0].CutShort(5000);
        Assert.Equal(Errno.EIO, Now(image.FileSystem.ReadAsync(image.Request, image.NodeAt("f"), HandleId.None, 0, image.Request.Into(9000))).Error);
    }

    [Fact]
    public void An_image_says_whether_anything_in_it_has_xattrs()
    {
        using var with = new TestImage(new TestLayer().File(new TestEntry(LayerEntryType.Regular, "f") { Xattrs = [("user.a", "b")] }, []));
        using var without = new TestImage(new TestLayer().File("f"));
        Assert.Equal((true, false), (with.FileSystem.Traits.HasFlag(FileSystemTraits.Xattrs), without.FileSystem.Traits.HasFlag(FileSystemTraits.Xattrs)));
    }

    [Fact]
    public void Xattrs_are_read_and_listed_in_order()
    {
        using var image = new TestImage(new TestLayer().File(new TestEntry(LayerEntryType.Regular, "f") { Xattrs = [("user.b", "two\0\n"), ("security.capability", "c"), ("user.empty", "")] }, []).File("g"));
        var node = image.NodeAt("f");
        Assert.Equal(5, Now(image.FileSystem.GetXattrAsync(image.Request.Named("user.b"u8), node, 100)).Value);
        Assert.Equal("two\0\n"u8, image.Request.Answer(5));
        Assert.Equal(5, Now(image.FileSystem.GetXattrAsync(image.Request, node, 0)).Value);
        Assert.Equal(Errno.ERANGE, Now(image.FileSystem.GetXattrAsync(image.Request, node, 4)).Error);
        Assert.Equal(0, Now(image.FileSystem.GetXattrAsync(image.Request.Named("user.empty"u8), node, 10)).Value);
        Assert.Equal(Errno.ENODATA, Now(image.FileSystem.GetXattrAsync(image.Request.Named("user.none"u8), node, 10)).Error);
        Assert.Equal(Errno.ENODATA, Now(image.FileSystem.GetXattrAsync(image.Request, image.NodeAt("g"), 10)).Error);
        var list = "security.capability\0user.b\0user.empty\0"u8;
        Assert.Equal(list.Length, Now(image.FileSystem.ListXattrAsync(image.Request, node, 0)).Value);
        Assert.Equal(list.Length, Now(image.FileSystem.ListXattrAsync(image.Request, node, list.Length)).Value);
        Assert.Equal(list, image.Request.Answer(list.Length));
        Assert.Equal(Errno.ERANGE, Now(image.FileSystem.ListXattrAsync(image.Request, node, list.Length - 1)).Error);
        Assert.Equal(0, Now(image.FileSystem.ListXattrAsync(image.Request, image.NodeAt("g"), 100)).Value);
    }

    [Theory]
    [InlineData(SeekData, 0, 4096)]
    [InlineData(SeekData, 4096, 4096)]
    [InlineData(SeekData, 5000, 5000)]
    [InlineData(SeekData, 8192, 20000)]
    [InlineData(SeekData, 20099, 20099)]
    [InlineData(SeekData, 20100, -1)]
    [InlineData(SeekData, 30000, -1)]
    [InlineData(SeekHole, 0, 0)]
    [InlineData(SeekHole, 4096, 8192)]
    [InlineData(SeekHole, 8192, 8192)]
    [InlineData(SeekHole, 20000, 20100)]
    [InlineData(SeekHole, 29999, 29999)]
    [InlineData(SeekHole, 30000, -1)]
    public void Holes_of_a_sparse_file_are_told(uint whence, long offset, long expected)
    {
        using var image = new TestImage(new TestLayer().File(
            new TestEntry(LayerEntryType.Regular, "f") { Extents = [(4096, 4096), (20000, 100)] }, new byte[30000]));
        var found = Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("f"), HandleId.None, (ulong)offset, whence));
        Assert.Equal(expected < 0 ? (0, Errno.ENXIO) : ((ulong)expected, Errno.None), (found.Value, found.Error));
        Assert.Equal((30000ul, 16ul), (image.Find("f").Attributes.Size, image.Find("f").Attributes.Blocks));
    }

    [Fact]
    public void A_file_without_holes_is_all_data()
    {
        using var image = new TestImage(new TestLayer().File("f", "abc").File("empty"));
        Assert.Equal(2ul, Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("f"), HandleId.None, 2, SeekData)).Value);
        Assert.Equal(3ul, Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("f"), HandleId.None, 2, SeekHole)).Value);
        Assert.Equal(Errno.ENXIO, Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("empty"), HandleId.None, 0, SeekData)).Error);
        Assert.Equal(Errno.EINVAL, Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("f"), HandleId.None, 0, 2)).Error);
    }

    [Fact]
    public void A_file_that_is_one_hole_has_no_data_and_reads_as_zeros()
    {
        using var image = new TestImage(new TestLayer().File(new TestEntry(LayerEntryType.Regular, "f") { Extents = [(10000, 0)] }, new byte[10000]));
        Assert.Equal(Errno.ENXIO, Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("f"), HandleId.None, 0, SeekData)).Error);
        Assert.Equal(5ul, Now(image.FileSystem.SeekAsync(image.Request, image.NodeAt("f"), HandleId.None, 5, SeekHole)).Value);
        Assert.Equal(10000, Now(image.FileSystem.ReadAsync(image.Request, image.NodeAt("f"), HandleId.None, 0, image.Request.Into(20000))).Value);
        Assert.False(image.Request.Buffer[..10000].ContainsAnyExcept((byte)0));
        Assert.Equal(0ul, image.Find("f").Attributes.Blocks);
    }

    [Fact]
    public void Statistics_are_the_sums_of_what_the_files_take()
    {
        using var image = new TestImage(new TestLayer().File("a", new string('x', 5000)).HardLink("b", "a").File("d/c", "x"), new TestLayer().File("e", "y"));
        var found = Now(image.FileSystem.StatisticsAsync(image.Request, NodeId.Root)).Value;
        Assert.Equal((4ul, 0ul, 0ul, 5ul, 0ul, 4096u, 255u), (found.Blocks, found.BlocksFree, found.BlocksAvailable, found.Files, found.FilesFree, found.FragmentSize, found.NameLength));
    }

    [Fact]
    public void Writing_is_denied_where_a_read_only_mount_denies_it()
    {
        using var image = new TestImage(new TestLayer().File("f").File("x", "", mode: 0x1ed).Add(new TestEntry(LayerEntryType.CharacterDevice, "c")));
        Assert.Equal(Errno.EROFS, Now(image.FileSystem.AccessAsync(image.Request, image.NodeAt("f"), 2)));
        Assert.Equal(Errno.EROFS, Now(image.FileSystem.AccessAsync(image.Request, NodeId.Root, 2)));
        Assert.Equal(Errno.None, Now(image.FileSystem.AccessAsync(image.Request, image.NodeAt("c"), 2)));
        Assert.Equal(Errno.EACCES, Now(image.FileSystem.AccessAsync(image.Request, image.NodeAt("f"), 1)));
        Assert.Equal(Errno.None, Now(image.FileSystem.AccessAsync(image.Request, image.NodeAt("x"), 5)));
    }
}
