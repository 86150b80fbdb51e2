using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Fuse;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>POSIX ACLs of a share, which the host's kernel keeps and the guest's obeys.</summary>
public sealed class AclTests : IDisposable
{
    const uint Permissions = 0xFFF;

    readonly Share _share = new(options => options with { Xattr = true });

    public AclTests() => _share.Request.ObeyingAcls();

    public void Dispose() => _share.Dispose();

    [Fact]
    public void An_acl_is_set_read_listed_and_removed()
    {
        var node = _share.Create("file").Entry.Node;
        var acl = PosixAcl.WithNamedUser(1000);
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(node, PosixAcl.Access).Error);

        Assert.Equal(Errno.None, _share.SetXattr(node, PosixAcl.Access, acl));

        Assert.Equal(acl, _share.GetXattr(node, PosixAcl.Access));
        Assert.Equal([PosixAcl.Access], _share.ListXattr(node));
        Assert.Equal(0x1B0u, _share.Attributes(node).Mode & Permissions);
        Assert.Equal(Errno.None, _share.FileSystem.RemoveXattrAsync(_share.Request.Named(PosixAcl.Access), node).Now());
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(node, PosixAcl.Access).Error);
    }

    [Fact]
    public void Acls_are_neither_served_nor_listed_unless_the_guest_obeys_them()
    {
        var file = _share.Create("file").Entry.Node;
        var directory = _share.MakeDirectory("directory").Node;
        Assert.Equal(Errno.None, _share.SetXattr(file, PosixAcl.Access, PosixAcl.WithNamedUser(1000)));
        Assert.Equal(Errno.None, _share.SetXattr(directory, PosixAcl.Default, PosixAcl.Of(7, 5, 0)));
        Assert.Equal([PosixAcl.Access], _share.ListXattr(file));

        _share.Request.ObeyingAcls(false);

        Assert.Empty(_share.ListXattr(file));
        Assert.Empty(_share.ListXattr(directory));
        Assert.Equal(Errno.EOPNOTSUPP, _share.TryGetXattr(file, PosixAcl.Access).Error);
        Assert.Equal(Errno.EOPNOTSUPP, _share.SetXattr(file, PosixAcl.Access, PosixAcl.Of(7, 5, 0)));
        Assert.Equal(Errno.EOPNOTSUPP, _share.FileSystem.RemoveXattrAsync(_share.Request.Named(PosixAcl.Access), file).Now());
    }

    [Fact]
    public void A_mode_change_changes_the_mask()
    {
        var node = _share.Create("file").Entry.Node;
        Assert.Equal(Errno.None, _share.SetXattr(node, PosixAcl.Access, PosixAcl.WithNamedUser(1000)));

        _share.Set(node, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = 0x1A0 });

        Assert.Equal(PosixAcl.WithNamedUser(1000, mask: 4), _share.GetXattr(node, PosixAcl.Access));
    }

    [Fact]
    public void A_default_acl_stands_in_for_the_umask_of_all_that_is_made()
    {
        var directory = _share.MakeDirectory("directory", 0x1FF).Node;
        Assert.Equal(Errno.None, _share.SetXattr(directory, PosixAcl.Default, PosixAcl.Of(owner: 7, group: 6, other: 4)));

        var file = _share.Create("file", mode: 0x1B6, umask: 0x3F, parent: directory).Entry;
        var below = _share.MakeDirectory("below", 0x1FF, 0x3F, directory);
        var fifo = _share.FileSystem.MakeNodeAsync(_share.Request.Named("fifo"), directory, StatMode.Fifo | 0x1B6, 0, 0, 0x3F).Now().Value;
        var unnamed = _share.FileSystem.CreateTemporaryAsync(_share.Request, directory, new OpenRequest { Flags = Share.RDWR, Mode = 0x1B6, Umask = 0x3F }).Now().Value;

        Assert.Equal(0x1B4u, file.Attributes.Mode & Permissions);
        Assert.Equal(0x1F4u, below.Attributes.Mode & Permissions);
        Assert.Equal(0x1B4u, fifo.Attributes.Mode & Permissions);
        Assert.Equal(0x1B4u, unnamed.Entry.Attributes.Mode & Permissions);
        Assert.Equal(PosixAcl.Of(owner: 7, group: 6, other: 4), _share.GetXattr(below.Node, PosixAcl.Default));
    }

    [Fact]
    public void A_default_acl_with_a_named_user_becomes_an_access_acl_whose_mask_is_the_mode_s()
    {
        var directory = _share.MakeDirectory("directory", 0x1FF).Node;
        Assert.Equal(Errno.None, _share.SetXattr(directory, PosixAcl.Default, PosixAcl.WithNamedUser(1000)));

        var made = _share.Create("file", mode: 0x1A0, umask: 0x3F, parent: directory).Entry;

        Assert.Equal(PosixAcl.WithNamedUser(1000, mask: 4), _share.GetXattr(made.Node, PosixAcl.Access));
    }

    [RootFact]
    public void An_acl_clears_setgid_where_the_request_says_so()
    {
        var node = _share.Create("file").Entry.Node;
        const uint Mode = StatMode.SetGid | 0x1ED;
        foreach (var clear in new[] { false, true })
        {
            _share.Set(node, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = Mode });

            Assert.Equal(Errno.None, _share.SetXattr(node, PosixAcl.Access, PosixAcl.Of(owner: 7, group: 5, other: 5), clearSetGid: clear));

            Assert.Equal(clear ? 0x1EDu : Mode, _share.Attributes(node).Mode & Permissions);
        }
    }

    [Fact]
    public void An_acl_that_is_none_is_refused_and_changes_nothing()
    {
        var node = _share.Create("file", mode: 0x1A4).Entry.Node;

        Assert.Equal(Errno.EINVAL, _share.SetXattr(node, PosixAcl.Access, [2, 0, 0, 0, 1, 0, 9, 0], clearSetGid: true));

        Assert.Equal(0x1A4u, _share.Attributes(node).Mode & Permissions);
    }

    [RootFact]
    public void Where_a_file_system_below_has_none_its_files_have_none()
    {
        // Anything but ENODATA, and the guest's kernel would refuse access to the file.
        var mountPoint = _share.Host("mount");
        Directory.CreateDirectory(mountPoint);
        Command.Run("mount", "-t", "ramfs", "ramfs", mountPoint);
        try
        {
            File.WriteAllText(Path.Combine(mountPoint, "file"), "");
            using var share = new Share(_share.Path, options => options with { Xattr = true });
            share.Request.ObeyingAcls();
            var node = share.Lookup("file", share.Lookup("mount").Node).Node;

            Assert.Equal(Errno.ENODATA, share.TryGetXattr(node, PosixAcl.Access).Error);
            Assert.Equal(Errno.EOPNOTSUPP, share.SetXattr(node, PosixAcl.Access, PosixAcl.WithNamedUser(1000)));
        }
        finally
        {
            Command.Run("umount", mountPoint);
        }
    }

    [RootFact]
    public void A_share_tells_whether_its_file_system_has_them()
    {
        var mountPoint = _share.Host("mount");
        Directory.CreateDirectory(mountPoint);
        Assert.True(_share.FileSystem.Traits.HasFlag(FileSystemTraits.PosixAcls));
        Command.Run("mount", "-t", "ramfs", "ramfs", mountPoint);
        try
        {
            using var without = new Share(mountPoint, options => options with { Xattr = true });

            Assert.False(without.FileSystem.Traits.HasFlag(FileSystemTraits.PosixAcls));
        }
        finally
        {
            Command.Run("umount", mountPoint);
        }
    }
}
