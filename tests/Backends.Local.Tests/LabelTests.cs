using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>What is created with security labels has them before it has its name.</summary>
public sealed class LabelTests : IDisposable
{
    const string Name = "security.selinux";

    static readonly byte[] s_label = [.. "system_u:object_r:tmp_t:s0\0"u8];

    static readonly string[] s_names = ["file", "directory"];

    readonly Share _share = new(options => options with { Xattr = true });

    public LabelTests() => _share.Request.Labelled((Name, s_label));

    public void Dispose() => _share.Dispose();

    [RootFact]
    public void Everything_that_can_be_made_is_labelled_and_the_callers()
    {
        _share.As(1000, 1001);

        var made = new[]
        {
            _share.Create("file", mode: 0x1A0).Entry,
            _share.MakeDirectory("directory"),
            _share.SymbolicLink("link", "target"),
            _share.TryMakeNode("fifo", StatMode.Fifo | 0x1A4).Value,
            _share.FileSystem.CreateTemporaryAsync(_share.Request, Share.Root, new OpenRequest { Flags = Share.RDWR, Mode = 0x1A4 }).Now().Value.Entry,
        };

        Assert.All(made, entry =>
        {
            Assert.Equal(s_label, _share.GetXattr(entry.Node, Name));
            Assert.Equal((1000u, 1001u), (entry.Attributes.Uid, entry.Attributes.Gid));
        });
        Assert.Equal("target", _share.ReadLink(made[2].Node));
        Assert.Equal(StatMode.Regular | 0x1A0, made[0].Attributes.Mode);
        Assert.Equal(["directory", "fifo", "file", "link"], Names());
    }

    [RootFact]
    public void Several_labels_are_all_set()
    {
        _share.Request.Labelled((Name, s_label), ("security.other", [1, 0, 2]));

        var node = _share.MakeDirectory("directory").Node;

        Assert.Equal(s_label, _share.GetXattr(node, Name));
        Assert.Equal([1, 0, 2], _share.GetXattr(node, "security.other"));
    }

    [RootFact]
    public void A_name_that_is_there_is_left_as_it_is()
    {
        _share.Request.Labelled();
        var before = _share.MakeDirectory("name").Node;
        _share.Request.Labelled((Name, s_label));

        Assert.Equal(Errno.EEXIST, _share.FileSystem.MakeDirectoryAsync(_share.Request.Named("name"), Share.Root, 0x1ED, 0).Now().Error);
        Assert.Equal(Errno.EEXIST, _share.TryMakeNode("name", StatMode.Fifo | 0x1A4).Error);
        Assert.Equal(Errno.EEXIST, _share.FileSystem.SymbolicLinkAsync(_share.Request.Named("name", "target"), Share.Root).Now().Error);
        Assert.Equal(Errno.EEXIST, _share.TryCreate("name", Share.RDWR | OpenFlags.O_EXCL).Error);

        Assert.Equal(["name"], Names());
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(before, Name).Error);
    }

    [Fact]
    public void A_directory_without_labels_beside_one_with_them_takes_all_that_is_made()
    {
        using var plain = new Share(options => options with { Xattr = false });
        // What no file system could keep.
        plain.Request.Labelled(("security.large", new byte[65_537]));

        Assert.Equal(Errno.None, plain.TryCreate("file", Share.RDWR).Error);
        Assert.Equal(Errno.None, plain.FileSystem.MakeDirectoryAsync(plain.Request.Named("directory"), Share.Root, 0x1ED, 0).Now().Error);
        Assert.Equal(Errno.None, plain.FileSystem.CreateTemporaryAsync(plain.Request, Share.Root, new OpenRequest { Flags = Share.RDWR, Mode = 0x1A4 }).Now().Error);
    }

    [RootFact]
    public void A_file_that_is_there_is_opened_as_ever()
    {
        File.WriteAllText(_share.Host("file"), "content");

        var opened = _share.Create("file");

        Assert.Equal("content", _share.Read(opened.Entry.Node, opened.Open.Handle));
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(opened.Entry.Node, Name).Error);
    }

    [RootFact]
    public void Where_a_label_cannot_be_set_nothing_is_made()
    {
        // More than one of the host's file systems keeps in an attribute, or any of them.
        _share.Request.Labelled((Name, s_label), ("security.large", new byte[65_537]));

        Assert.NotEqual(Errno.None, _share.FileSystem.MakeDirectoryAsync(_share.Request.Named("directory"), Share.Root, 0x1ED, 0).Now().Error);
        Assert.NotEqual(Errno.None, _share.TryMakeNode("fifo", StatMode.Fifo | 0x1A4).Error);
        Assert.NotEqual(Errno.None, _share.FileSystem.SymbolicLinkAsync(_share.Request.Named("link", "target"), Share.Root).Now().Error);
        Assert.NotEqual(Errno.None, _share.TryCreate("file").Error);

        Assert.Empty(Names());
    }

    [RootFact]
    public void A_file_created_for_reading_is_open_for_reading_alone()
    {
        var made = _share.Create("file", Share.RDONLY);

        Assert.Equal(Errno.EBADF, _share.TryWrite(made.Entry.Node, made.Open.Handle, "x").Error);
        Assert.Equal(s_label, _share.GetXattr(made.Entry.Node, Name));
        // Not open for writing on the host, or it could not be run there.
        Assert.Equal(OpenFlags.O_RDONLY, OpenModeOf(_share.Host("file")));
    }

    [RootFact]
    public void The_umask_and_the_directorys_group_apply_as_ever()
    {
        _share.Request.Labelled();
        var directory = _share.MakeDirectory("directory").Node;
        _share.Set(directory, new SetAttributes { Valid = SetAttributesValid.Gid, Gid = 5000 });
        _share.Set(directory, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = StatMode.SetGid | 0x1FF });
        _share.As(1000, 1000).Request.Labelled((Name, s_label));

        var file = _share.Create("file", mode: 0x1B6, umask: 0x3F, parent: directory).Entry.Attributes;
        var below = _share.MakeDirectory("below", 0x1FF, 0x3F, directory).Attributes;

        Assert.Equal((5000u, StatMode.Regular | 0x180), (file.Gid, file.Mode));
        Assert.Equal((5000u, StatMode.Directory | StatMode.SetGid | 0x1C0), (below.Gid, below.Mode));
    }

    [RootFact]
    public void Nobody_ever_sees_the_name_without_the_label()
    {
        using var stop = new CancellationTokenSource();
        var unlabelled = 0;
        using var observing = new ManualResetEventSlim();
        var observer = new Thread(() =>
        {
            using var share = new Share(_share.Path, options => options with { Xattr = true });
            observing.Set();
            while (!stop.IsCancellationRequested)
            {
                foreach (var name in s_names)
                {
                    if (share.TryLookup(name) is not { IsError: false, Value: var entry })
                        continue;
                    if (share.TryGetXattr(entry.Node, Name).Error == Errno.ENODATA)
                        unlabelled++;
                    share.FileSystem.Forget(entry.Node, 1);
                }
            }
        });
        observer.Start();
        observing.Wait();
        for (var i = 0; i < 500; i++)
        {
            var made = _share.Create("file");
            _share.Release(made.Entry.Node, made.Open.Handle);
            _share.MakeDirectory("directory");
            Assert.Equal(Errno.None, _share.Unlink("file"));
            Assert.Equal(Errno.None, _share.RemoveDirectory("directory"));
        }
        stop.Cancel();
        observer.Join();

        Assert.Equal(0, unlabelled);
    }

    [RootFact]
    public void A_share_tells_whether_its_file_system_keeps_them()
    {
        Assert.True(_share.FileSystem.Traits.HasFlag(FileSystemTraits.SecurityLabels));
        using var without = new Share("/proc/self", options => options with { Xattr = true });
        Assert.False(without.FileSystem.Traits.HasFlag(FileSystemTraits.SecurityLabels));
    }

    string[] Names() => [.. Directory.GetFileSystemEntries(_share.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>How this process has a file open, other than by O_PATH. Its links in /proc name no file that was made without a name.</summary>
    static unsafe int OpenModeOf(string path)
    {
        Statx status;
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
            Assert.Equal(0, FileStatus.Get(Descriptors.AT_FDCWD, bytes, 0, FileStatus.STATX_INO, &status));
        foreach (var information in Directory.GetFiles("/proc/self/fdinfo"))
        {
            string[] lines;
            try
            {
                lines = File.ReadAllLines(information);
            }
            catch (FileNotFoundException)
            {
                continue;
            }
            var flags = Convert.ToInt32(Field("flags:"), 8);
            if (Field("ino:") == $"{status.Ino}" && (flags & OpenFlags.O_PATH) == 0)
                return flags & OpenFlags.O_ACCMODE;

            string Field(string name) => lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..].Trim() ?? "0";
        }
        throw new FileNotFoundException("The file is not open.", path);
    }
}
