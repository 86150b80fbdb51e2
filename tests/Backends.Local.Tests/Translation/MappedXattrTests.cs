using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Fuse;

namespace VirtioFsStore.Backends.Local.Tests.Translation;

/// <summary>A share whose attributes have other names on the host.</summary>
public sealed class MappedXattrTests : IDisposable
{
    const string Capability = "security.capability";

    static readonly byte[] s_value = [1, 2, 3];

    readonly Share _share = new(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":map:trusted.:user.vm.:") });

    /// <summary>The same directory as the host sees it.</summary>
    readonly Share _host;

    public MappedXattrTests() => _host = new Share(_share.Path, options => options with { Xattr = true });

    public void Dispose()
    {
        _host.Dispose();
        _share.Dispose();
    }

    [Fact]
    public void A_mapped_attribute_is_set_read_listed_and_removed()
    {
        var node = _share.Create("file").Entry.Node;

        Assert.Equal(Errno.None, _share.SetXattr(node, "trusted.overlay.opaque", s_value));
        Assert.Equal(Errno.None, _share.SetXattr(node, "user.plain", s_value));

        Assert.Equal(s_value, _share.GetXattr(node, "trusted.overlay.opaque"));
        Assert.Equal(["trusted.overlay.opaque", "user.plain"], _share.ListXattr(node).Order());
        var onHost = _host.Lookup("file").Node;
        Assert.Equal(["user.plain", "user.vm.trusted.overlay.opaque"], _host.ListXattr(onHost).Order());
        Assert.Equal(Errno.None, _share.FileSystem.RemoveXattrAsync(_share.Request.Named("trusted.overlay.opaque"), node).Now());
        Assert.Equal(["user.plain"], _host.ListXattr(onHost));
    }

    [Fact]
    public void What_the_map_keeps_from_a_guest_cannot_be_reached()
    {
        var node = _share.Create("file").Entry.Node;

        Assert.Equal(Errno.EPERM, _share.SetXattr(node, "user.vm.trusted.overlay.opaque", s_value));
        Assert.Equal(Errno.EPERM, _share.FileSystem.RemoveXattrAsync(_share.Request.Named("user.vm.trusted.a"), node).Now());
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(node, "user.vm.trusted.a").Error);
    }

    [RootFact]
    public void What_the_host_set_under_a_mapped_name_is_hidden()
    {
        var node = _share.Create("file").Entry.Node;
        Assert.Equal(Errno.None, _host.SetXattr(_host.Lookup("file").Node, "trusted.host", s_value));

        Assert.Empty(_share.ListXattr(node));
        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(node, "trusted.host").Error);
    }

    [Fact]
    public void An_unsupported_attribute_is_not_supported()
    {
        using var share = new Share(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":unsupported:all:user.:user.: :ok:all:::") });
        var node = share.Create("file").Entry.Node;

        Assert.Equal(Errno.EOPNOTSUPP, share.SetXattr(node, "user.a", s_value));
        Assert.Equal(Errno.EOPNOTSUPP, share.TryGetXattr(node, "user.a").Error);
    }

    [Fact]
    public void Names_fit_the_guest_s_buffer_after_they_were_shortened()
    {
        var node = _share.Create("file").Entry.Node;
        Assert.Equal(Errno.None, _share.SetXattr(node, "trusted.a", s_value));
        const int Length = 10; // "trusted.a" and its NUL

        Assert.Equal(Length, _share.FileSystem.ListXattrAsync(_share.Request, node, 0).Now().Value);
        Assert.Equal(Length, _share.FileSystem.ListXattrAsync(_share.Request, node, Length).Now().Value);
        Assert.Equal(Errno.ERANGE, _share.FileSystem.ListXattrAsync(_share.Request, node, Length - 1).Now().Error);
    }

    [Fact]
    public void Capabilities_under_another_name_go_with_the_content_they_were_given_for()
    {
        using var share = new Share(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":map::user.vm.:") });
        var node = share.Create("program").Entry.Node;
        var handle = share.Open(node, Share.RDWR);
        Action[] changes =
        [
            () => share.Write(node, handle, "code"),
            () => share.Set(node, new SetAttributes { Valid = SetAttributesValid.Size, Size = 1 }),
            () => share.Set(node, new SetAttributes { Valid = SetAttributesValid.Uid, Uid = ThreadCredentials.EffectiveUserId }),
            () => Assert.Equal(Errno.None, share.FileSystem.AllocateAsync(share.Request, node, handle, 0, 10, 0).Now()),
            () => share.Open(node, Share.WRONLY | OpenFlags.O_TRUNC),
        ];

        foreach (var change in changes)
        {
            Assert.Equal(Errno.None, share.SetXattr(node, Capability, s_value));
            Assert.Equal(Errno.None, share.SetXattr(node, "user.other", s_value));
            change();
            Assert.Equal(["user.other"], share.ListXattr(node));
        }
    }

    [RootFact]
    public void What_is_no_program_changes_its_owner_under_a_map_of_all_names()
    {
        using var share = new Share(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":map::user.vm.:") });
        NodeId[] nodes =
        [
            share.SymbolicLink("link", "target").Node,
            .. new[] { StatMode.Fifo, StatMode.Socket, StatMode.CharacterDevice }.Select(type => share.TryMakeNode($"{type}", type | 0x1B6, 1, 5).Value.Node),
        ];

        foreach (var node in nodes)
            Assert.Equal(1000u, share.Set(node, new SetAttributes { Valid = SetAttributesValid.Uid, Uid = 1000 }).Uid);
    }

    [Fact]
    public void Acls_under_another_name_are_no_acls()
    {
        using var share = new Share(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":map::user.vm.:") });
        share.Request.ObeyingAcls();
        var node = share.Create("file").Entry.Node;
        using (var host = new Share(share.Path, options => options with { Xattr = true }))
            Assert.Equal(Errno.None, host.SetXattr(host.Lookup("file").Node, "user.vm." + PosixAcl.Access, s_value));

        Assert.False(share.FileSystem.Traits.HasFlag(FileSystemTraits.PosixAcls));
        Assert.Equal(Errno.EOPNOTSUPP, share.SetXattr(node, PosixAcl.Access, PosixAcl.WithNamedUser(1000)));
        Assert.Equal(Errno.ENODATA, share.TryGetXattr(node, PosixAcl.Access).Error);
        Assert.Empty(share.ListXattr(node));
    }

    [Fact]
    public void Labels_of_new_files_have_the_host_s_names()
    {
        using var share = new Share(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":map:security.:user.vm.:") });
        share.Request.Labelled(("security.selinux", s_value));

        var made = share.Create("file").Entry.Node;

        Assert.True(share.FileSystem.Traits.HasFlag(FileSystemTraits.SecurityLabels));
        Assert.Equal(s_value, share.GetXattr(made, "security.selinux"));
        using var host = new Share(share.Path, options => options with { Xattr = true });
        Assert.Equal(s_value, host.GetXattr(host.Lookup("file").Node, "user.vm.security.selinux"));
    }

    [Fact]
    public void A_guest_that_obeys_acls_never_hears_that_they_are_not_supported()
    {
        using var share = new Share(options => options with { Xattr = true, XattrMap = XattrMap.Parse(":unsupported:all:system.:system.: :ok:all:::") });
        share.Request.ObeyingAcls();

        Assert.False(share.FileSystem.Traits.HasFlag(FileSystemTraits.PosixAcls));
        Assert.Equal(Errno.ENODATA, share.TryGetXattr(Share.Root, "system.posix_acl_access").Error);
    }
}
