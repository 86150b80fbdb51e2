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
    public void Acls_are_neither_served_nor_listed_unless_the_session_obeys_them()
    {
        using var obeying = new Share(options => options with { PosixAcl = true });
        var acl = Acl.Of(owner: 7, group: 5, other: 0);
        // More than the mode says, or the file system would not keep it.
        var named = Acl.WithNamedUser(1000);
        var node = obeying.Create("file").Entry.Node;
        Assert.Equal(Errno.None, obeying.SetXattr(node, "system.posix_acl_access", named));
        Assert.Equal(Errno.None, obeying.SetXattr(obeying.MakeDirectory("directory").Node, "system.posix_acl_default", acl));
        Assert.Equal(["system.posix_acl_access"], obeying.ListXattr(node));

        using var other = new Share(obeying.Path, options => options with { Xattr = true });
        var seen = other.Lookup("file").Node;

        Assert.Empty(other.ListXattr(seen));
        Assert.Equal(Errno.EOPNOTSUPP, other.TryGetXattr(seen, "system.posix_acl_access").Error);
        Assert.Equal(Errno.EOPNOTSUPP, other.SetXattr(seen, "system.posix_acl_access", acl));
    }

    [RootFact]
    public void An_acl_clears_setgid_where_the_request_says_so()
    {
        using var share = new Share(options => options with { PosixAcl = true });
        var node = share.Create("file").Entry.Node;
        const uint Mode = StatMode.SetGid | 0x1ED;
        foreach (var clear in new[] { false, true })
        {
            share.Set(node, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = Mode });

            Assert.Equal(Errno.None, share.SetXattr(node, "system.posix_acl_access", Acl.Of(owner: 7, group: 5, other: 5), clearSetGid: clear));

            Assert.Equal(clear ? 0u : StatMode.SetGid, share.Attributes(node).Mode & StatMode.SetGid);
        }
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
