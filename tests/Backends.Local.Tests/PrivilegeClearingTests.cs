using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Setuid, setgid and capabilities do not survive a change of content by those who could not have set them.</summary>
public sealed class PrivilegeClearingTests : IDisposable
{
    const uint Both = StatMode.SetUid | StatMode.SetGid;
    const uint Mode = Both | 0x1ED;

    readonly Share _share = new(options => options with { KillPrivileges = true, Xattr = true });

    public void Dispose() => _share.Dispose();

    [RootFact]
    public void A_write_clears_them_where_the_request_says_so()
    {
        var (node, handle) = MakePrivileged();

        _share.Write(node, handle, "x", flags: WriteFlags.KillSuidGid);

        Assert.Equal(0u, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void A_write_by_one_who_may_keep_them_keeps_them()
    {
        var (node, handle) = MakePrivileged();

        _share.Write(node, handle, "x");

        Assert.Equal(Both, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Setgid_without_group_execute_is_no_privilege_and_stays()
    {
        var (node, handle) = MakePrivileged();
        _share.Set(node, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = StatMode.SetGid | 0x1A4 });

        _share.Write(node, handle, "x", flags: WriteFlags.KillSuidGid);

        Assert.Equal(StatMode.SetGid, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Setgid_without_group_execute_stays_in_a_file_of_another_group_and_without_setuid()
    {
        var (node, handle) = MakePrivileged();
        _share.Set(node, new SetAttributes
        {
            Valid = SetAttributesValid.Mode | SetAttributesValid.Gid,
            Mode = Both | 0x1A4,
            Gid = 2000,
        });

        _share.Write(node, handle, "x", flags: WriteFlags.KillSuidGid);

        Assert.Equal(StatMode.SetGid, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Truncation_clears_them_where_the_request_says_so()
    {
        var (node, _) = MakePrivileged();
        var size = new SetAttributes { Valid = SetAttributesValid.Size, Size = 10 };

        Assert.Equal(Both, _share.Set(node, size).Mode & Both);
        size.Valid |= SetAttributesValid.KillSuidGid;
        size.Size = 5;
        Assert.Equal(0u, _share.Set(node, size).Mode & Both);
    }

    [RootFact]
    public void Opening_with_truncation_clears_them_where_the_request_says_so()
    {
        var (node, _) = MakePrivileged();

        Assert.Equal(Errno.None, _share.TryOpen(node, Share.WRONLY | OpenFlags.O_TRUNC, kill: true).Error);

        Assert.Equal(0u, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Opening_with_truncation_keeps_setgid_without_group_execute()
    {
        var (node, _) = MakePrivileged();
        _share.Set(node, new SetAttributes
        {
            Valid = SetAttributesValid.Mode | SetAttributesValid.Gid,
            Mode = Both | 0x1A4,
            Gid = 2000,
        });

        Assert.Equal(Errno.None, _share.TryOpen(node, Share.WRONLY | OpenFlags.O_TRUNC, kill: true).Error);

        Assert.Equal(StatMode.SetGid, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Creating_what_is_there_with_truncation_clears_them_for_all_but_root()
    {
        var (node, _) = MakePrivileged();

        _share.Create("program", Share.WRONLY | OpenFlags.O_TRUNC);
        Assert.Equal(Both, _share.Attributes(node).Mode & Both);
        _share.As(1000, 1000).Create("program", Share.WRONLY | OpenFlags.O_TRUNC);
        Assert.Equal(0u, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Allocation_clears_them_for_all_but_root()
    {
        var (node, handle) = MakePrivileged();

        Assert.Equal(Errno.None, _share.FileSystem.AllocateAsync(_share.Request, node, handle, 0, 4096, 0).Now());
        Assert.Equal(Both, _share.Attributes(node).Mode & Both);
        _share.As(1000, 1000);
        Assert.Equal(Errno.None, _share.FileSystem.AllocateAsync(_share.Request, node, handle, 0, 8192, 0).Now());
        Assert.Equal(0u, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void Allocation_and_copying_clear_them_for_a_caller_who_is_not_known()
    {
        var (node, handle) = MakePrivileged();
        _share.As(uint.MaxValue, uint.MaxValue);

        Assert.Equal(Errno.None, _share.FileSystem.AllocateAsync(_share.Request, node, handle, 0, 4096, 0).Now());
        Assert.Equal(0u, _share.Attributes(node).Mode & Both);
        _share.Set(node, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = Mode });
        var copy = new CopyRange { SourceNode = node, SourceHandle = handle, TargetNode = node, TargetHandle = handle, TargetOffset = 4096, Length = 4096 };
        Assert.Equal(4096UL, _share.FileSystem.CopyRangeAsync(_share.Request, copy).Now().Value);
        Assert.Equal(0u, _share.Attributes(node).Mode & Both);
    }

    [RootFact]
    public void A_new_owner_clears_them()
    {
        var (node, _) = MakePrivileged();

        var attributes = _share.Set(node, new SetAttributes { Valid = SetAttributesValid.Uid | SetAttributesValid.Gid, Uid = 1000, Gid = 1000 });

        Assert.Equal((1000u, 1000u, 0u), (attributes.Uid, attributes.Gid, attributes.Mode & Both));
    }

    [RootFact]
    public void A_write_removes_file_capabilities()
    {
        var (node, handle) = MakePrivileged();
        // struct vfs_cap_data, revision 2 with the effective bit: cap_net_raw.
        byte[] capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(Errno.None, _share.SetXattr(node, "security.capability", capability));

        _share.Write(node, handle, "x");

        Assert.Equal(Errno.ENODATA, _share.TryGetXattr(node, "security.capability").Error);
    }

    [RootFact]
    public void The_thread_keeps_its_capabilities_afterwards()
    {
        static string Effective() => File.ReadAllLines("/proc/thread-self/status").Single(line => line.StartsWith("CapEff", StringComparison.Ordinal));
        var (node, handle) = MakePrivileged();
        var before = Effective();

        _share.Write(node, handle, "x", flags: WriteFlags.KillSuidGid);

        Assert.Equal(before, Effective());
    }

    (NodeId Node, HandleId Handle) MakePrivileged()
    {
        var made = _share.Create("program");
        _share.Set(made.Entry.Node, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = Mode });
        return (made.Entry.Node, made.Open.Handle);
    }
}
