using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Other file systems of the host below the share.</summary>
public sealed class SubmountTests : IDisposable
{
    readonly Share _share = new();

    public void Dispose() => _share.Dispose();

    [RootFact]
    public void A_mount_is_another_file_system_with_inode_numbers_that_do_not_collide()
    {
        var mountPoint = _share.Host("mount");
        Directory.CreateDirectory(mountPoint);
        File.WriteAllText(Path.Combine(mountPoint, "covered"), "");
        var before = _share.Lookup("mount");
        Command.Run("mount", "-t", "tmpfs", "tmpfs", mountPoint);
        try
        {
            for (var i = 0; i < 100; i++)
            {
                File.WriteAllText(Path.Combine(mountPoint, $"{i}"), "");
                File.WriteAllText(_share.Host($"{i}"), "");
            }

            var root = _share.Lookup("mount");
            var inside = Enumerable.Range(0, 100).Select(i => _share.Lookup($"{i}", root.Node)).ToArray();
            var outside = Enumerable.Range(0, 100).Select(i => _share.Lookup($"{i}")).ToArray();

            Assert.NotEqual(before.Node, root.Node);
            Assert.Equal(NodeAttributeFlags.None, before.Attributes.Flags);
            Assert.Equal(NodeAttributeFlags.Submount, root.Attributes.Flags);
            Assert.Equal(NodeAttributeFlags.Submount, _share.Attributes(root.Node).Flags);
            Assert.All(inside, entry => Assert.Equal(NodeAttributeFlags.None, entry.Attributes.Flags));
            Assert.Equal(200, inside.Concat(outside).Select(entry => entry.Attributes.Ino).Distinct().Count());
            Assert.All(inside, entry => Assert.True(entry.Attributes.Ino <= NodeId.MaxValue));
            Assert.Equal(Errno.EXDEV, _share.Rename("0", "renamed", newParent: root.Node));
            Assert.Equal(Errno.None, _share.FileSystem.SyncFileSystemAsync(_share.Request, inside[0].Node).Now());
            var handle = _share.OpenDirectory(root.Node);
            var listing = new Listing(plus: true);
            Assert.Equal(Errno.None, _share.List(root.Node, handle, 0, listing));
            Assert.Equal(inside[7].Attributes.Ino, listing.Names.Single(entry => entry.Name == "7").Ino);
            Assert.Equal(Errno.None, _share.Release(root.Node, handle));
            foreach (var entry in listing.Entries.Values.Concat(inside).Append(root))
                _share.FileSystem.Forget(entry.Node, 1);
        }
        finally
        {
            // Fails (busy) if anything of the mount were still held.
            Command.Run("umount", mountPoint);
        }
        Assert.Equal(before.Node, _share.Lookup("mount").Node);
    }

    [RootFact]
    public void A_bind_mount_in_the_share_is_the_same_files_on_another_mount()
    {
        var source = _share.MakeDirectory("source");
        File.WriteAllText(_share.Host("source/file"), "content");
        Directory.CreateDirectory(_share.Host("bound"));
        Command.Run("mount", "--bind", _share.Host("source"), _share.Host("bound"));
        try
        {
            var bound = _share.Lookup("bound");
            var file = _share.Lookup("file", bound.Node);

            Assert.NotEqual(source.Node, bound.Node);
            Assert.Equal(NodeAttributeFlags.Submount, bound.Attributes.Flags);
            Assert.Equal(_share.Lookup("file", source.Node).Attributes.Ino, file.Attributes.Ino);
            Assert.Equal("content", _share.Read(file.Node, _share.Open(file.Node)));
            _share.FileSystem.Reset();
        }
        finally
        {
            Command.Run("umount", _share.Host("bound"));
        }
    }

    [RootFact]
    public void A_mounted_file_and_a_mounted_device_are_served()
    {
        File.WriteAllText(_share.Host("file"), "covered");
        File.WriteAllText(_share.Host("device"), "covered");
        File.WriteAllText(_share.Host("source"), "mounted");
        Command.Run("mount", "--bind", _share.Host("source"), _share.Host("file"));
        Command.Run("mount", "--bind", "/dev/null", _share.Host("device"));
        try
        {
            var file = _share.Lookup("file");
            var device = _share.Lookup("device");

            Assert.Equal("mounted", _share.Read(file.Node, _share.Open(file.Node)));
            Assert.True(StatMode.IsDevice(device.Attributes.Mode));
            Assert.Equal(Errno.EACCES, _share.TryOpen(device.Node).Error);
            _share.FileSystem.Reset();
        }
        finally
        {
            Command.Run("umount", _share.Host("file"));
            Command.Run("umount", _share.Host("device"));
        }
    }

    [RootFact]
    public void Submounts_are_not_announced_where_that_is_off()
    {
        Directory.CreateDirectory(_share.Host("mount"));
        Command.Run("mount", "-t", "tmpfs", "tmpfs", _share.Host("mount"));
        try
        {
            using var quiet = new Share(_share.Path, options => options with { AnnounceSubmounts = false });

            Assert.Equal(NodeAttributeFlags.None, quiet.Lookup("mount").Attributes.Flags);
            // One SYNCFS is then for all of them, and none is held by it.
            Assert.Equal(Errno.None, quiet.FileSystem.SyncFileSystemAsync(quiet.Request, Share.Root).Now());
        }
        finally
        {
            Command.Run("umount", _share.Host("mount"));
        }
    }
}
