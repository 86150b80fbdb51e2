using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed class XattrTests : IDisposable
{
    static readonly byte[] s_value = Encoding.UTF8.GetBytes("value\n\0with all");

    readonly Share _share = new(options => options with { Xattr = true });

    public void Dispose() => _share.Dispose();

    [Fact]
    public void A_value_is_set_read_listed_and_removed()
    {
        var node = _share.Create("file").Entry.Node;

        Assert.Equal(Errno.None, _share.SetXattr(node, "user.a", s_value));
        Assert.Equal(s_value, _share.GetXattr(node, "user.a"));
        Assert.Equal(["user.a"], _share.ListXattr(node));
        Assert.Equal(s_value.Length, _share.TryGetXattr(node, "user.a", 0).Value);
        Assert.Equal(Errno.ERANGE, _share.TryGetXattr(node, "user.a", 3).Error);
        Assert.Equal(Errno.EEXIST, _share.SetXattr(node, "user.a", [], ExtendedAttributes.XATTR_CREATE));
        Assert.Equal(Errno.ENODATA, _share.SetXattr(node, "user.b", [], ExtendedAttributes.XATTR_REPLACE));
        Assert.Equal(Errno.None, _share.FileSystem.RemoveXattrAsync(_share.Request.Named("user.a"), node).Now());
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(node, "user.a").Error);
    }

    [Fact]
    public void Directories_have_them_too()
    {
        var node = _share.MakeDirectory("directory").Node;

        Assert.Equal(Errno.None, _share.SetXattr(node, "user.a", s_value));
        Assert.Equal(s_value, _share.GetXattr(node, "user.a"));
    }

    [RootFact]
    public void The_trusted_ones_overlayfs_needs_pass_even_for_links()
    {
        var link = _share.SymbolicLink("link", "/etc/passwd").Node;
        var fifo = _share.TryMakeNode("fifo", StatMode.Fifo | 0x1A4).Value.Node;

        Assert.Equal(Errno.None, _share.SetXattr(link, "trusted.overlay.opaque", s_value));
        Assert.Equal(Errno.None, _share.SetXattr(fifo, "trusted.overlay.opaque", s_value));
        Assert.Equal(s_value, _share.GetXattr(link, "trusted.overlay.opaque"));
        Assert.Equal(["trusted.overlay.opaque"], _share.ListXattr(link));
        Assert.Equal(Errno.EPERM, _share.SetXattr(link, "user.a", s_value));
    }

    [RootFact]
    public void Security_attributes_are_the_files_own()
    {
        // VFS_CAP_REVISION_2 with cap_net_raw: the kernel takes no other than sound ones.
        byte[] capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var node = _share.Create("program").Entry.Node;

        Assert.Equal(Errno.None, _share.SetXattr(node, "security.capability", capability));
        Assert.Equal(Errno.EINVAL, _share.SetXattr(node, "security.capability", s_value));

        using var other = new Share(_share.Path, options => options with { Xattr = true });
        Assert.Equal(capability, other.GetXattr(other.Lookup("program").Node, "security.capability"));
    }

    [RootFact]
    public void Every_namespace_but_system_passes_and_keeps_what_the_host_keeps()
    {
        var mountPoint = _share.Host("mount");
        Directory.CreateDirectory(mountPoint);
        // A file system that keeps the largest values there are.
        Command.Run("mount", "-t", "tmpfs", "tmpfs", mountPoint);
        try
        {
            using var share = new Share(mountPoint, options => options with { Xattr = true });
            var node = share.Create("file").Entry.Node;
            var largest = new byte[ExtendedAttributes.MaxSize];
            new Random(1).NextBytes(largest);
            var longest = "trusted." + new string('n', ExtendedAttributes.MaxNameLength - "trusted.".Length);

            foreach (var name in new[] { "trusted.overlay.redirect", "security.selinux", longest })
            {
                Assert.Equal(Errno.None, share.SetXattr(node, name, largest));
                Assert.Equal(largest, share.GetXattr(node, name));
                Assert.Equal(Errno.ERANGE, share.TryGetXattr(node, name, ExtendedAttributes.MaxSize - 1).Error);
            }
            Assert.Equal(new[] { "security.selinux", longest, "trusted.overlay.redirect" }.Order(), share.ListXattr(node).Order());
            Assert.Equal(Errno.EOPNOTSUPP, share.SetXattr(node, "system.other", [1]));
        }
        finally
        {
            Command.Run("umount", mountPoint);
        }
    }

    [Fact]
    public void The_attributes_of_an_unprivileged_overlayfs_pass()
    {
        var directory = _share.MakeDirectory("directory").Node;

        Assert.Equal(Errno.None, _share.SetXattr(directory, "user.overlay.opaque", [(byte)'y']));

        Assert.Equal([(byte)'y'], _share.GetXattr(directory, "user.overlay.opaque"));
        Assert.Equal(["user.overlay.opaque"], _share.ListXattr(directory));
    }

    [Fact]
    public void A_share_without_them_says_EOPNOTSUPP()
    {
        using var share = new Share();
        var node = share.Create("file").Entry.Node;

        Assert.Equal(Errno.EOPNOTSUPP, share.SetXattr(node, "user.a", s_value));
        Assert.Equal(Errno.EOPNOTSUPP, share.TryGetXattr(node, "user.a").Error);
        Assert.Equal(Errno.EOPNOTSUPP, share.FileSystem.ListXattrAsync(share.Request, node, 100).Now().Error);
    }
}
