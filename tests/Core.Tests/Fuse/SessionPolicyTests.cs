using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>What belongs to the session and not to a file system: ENOSYS, opening nothing, several file systems.</summary>
public sealed class SessionPolicyTests
{
    const int ENOSYS = (int)Errno.ENOSYS;

    [Fact]
    public void An_immutable_file_system_alone_needs_no_handles()
    {
        using var mounted = new MountedMemory(FileSystemTraits.Immutable | FileSystemTraits.ReadOnly);
        var node = mounted.Files.AddFile("file", "content");
        _ = mounted.Fuse.Walk("file");

        Assert.Equal(ENOSYS, mounted.Fuse.Open(node).Error);
        Assert.Equal(ENOSYS, mounted.Fuse.OpenDir(FuseClient.Root).Error);
        Assert.True(mounted.Fuse.Agreed.HasFlag(FuseInitFlags.NoOpenSupport | FuseInitFlags.NoOpenDirSupport));
        Assert.Equal("content"u8, mounted.Fuse.ReadFile(node));
        Assert.Contains(mounted.Fuse.ListDirectory(FuseClient.Root), entry => entry.Text == "file");
    }

    [Fact]
    public void A_guest_that_cannot_do_without_handles_gets_them()
    {
        using var mounted = new MountedMemory(
            FileSystemTraits.Immutable, offered: FuseInitFlags.Linux & ~(FuseInitFlags.NoOpenSupport | FuseInitFlags.NoOpenDirSupport));
        var node = mounted.Files.AddFile("file", "content");
        _ = mounted.Fuse.Walk("file");

        Assert.Equal(0, mounted.Fuse.Open(node).Error);
        Assert.Equal(0, mounted.Fuse.OpenDir(FuseClient.Root).Error);
    }

    [Fact]
    public void Xattrs_are_switched_off_where_nothing_has_any()
    {
        using var mounted = new MountedMemory(FileSystemTraits.None);

        Assert.Equal(ENOSYS, mounted.Fuse.GetXattr(FuseClient.Root, "user.a"u8).Error);
        Assert.Equal(ENOSYS, mounted.Fuse.ListXattr(FuseClient.Root).Error);
        Assert.Equal(ENOSYS, mounted.Fuse.SetXattr(FuseClient.Root, "user.a"u8, "v"u8));
        Assert.Equal(ENOSYS, mounted.Fuse.RemoveXattr(FuseClient.Root, "user.a"u8));
    }

    [Fact]
    public void Locks_stay_in_the_guest_unless_a_file_system_has_them()
    {
        using var mounted = new MountedMemory();

        Assert.Equal(ENOSYS, mounted.Fuse.GetLk(FuseClient.Root, 0, 1, default).Error);
        Assert.Equal(ENOSYS, mounted.Fuse.SetLk(FuseClient.Root, 0, 1, default));
        Assert.Equal(ENOSYS, mounted.Fuse.SetLkw(FuseClient.Root, 0, 1, default));
    }

    [Fact]
    public void ENOSYS_of_a_file_system_does_not_reach_the_guest()
    {
        using var mounted = new MountedMemory();
        using var gate = mounted.Files.Intercept(MemoryOperation.Access, OperationGate.Fail(Errno.ENOSYS));

        // The kernel would never ask again, on any mount of the session.
        Assert.NotEqual(ENOSYS, mounted.Fuse.Access(FuseClient.Root, 4));
    }

    [Fact]
    public void ENOSYS_of_a_listing_does_not_reach_the_guest()
    {
        using var mounted = new MountedMemory();
        using var gate = mounted.Files.Intercept(MemoryOperation.Statistics, OperationGate.Fail(Errno.ENOSYS));

        Assert.NotEqual(ENOSYS, mounted.Fuse.StatFs().Error);
        Assert.NotEqual(0, mounted.Fuse.StatFs().Error);
    }

    [Fact]
    public void Several_file_systems_lie_side_by_side_under_a_pseudo_root()
    {
        var (router, one, two) = TwoMounts();
        using var host = new ServerHost(router);
        using var machine = host.Mount();
        var fuse = machine.Fuse;

        Assert.Equal("first"u8, fuse.ReadFile("images/one/file"));
        Assert.Equal("second"u8, fuse.ReadFile("images/two/file"));
        Assert.Equal(["one", "two"], fuse.ListDirectory("images").Where(entry => !entry.IsDots).Select(entry => entry.Text).Order());
        Assert.Equal(["images"], fuse.ListDirectory("/", plus: true).Where(entry => !entry.IsDots).Select(entry => entry.Text));
        Assert.NotEqual(fuse.Walk("images/one/file").NodeId, fuse.Walk("images/two/file").NodeId);
        Assert.NotEqual(fuse.Walk("images/one/file").Attr.Ino, fuse.Walk("images/two/file").Attr.Ino);
        Assert.True(one.Calls(MemoryOperation.Lookup) > 0 && two.Calls(MemoryOperation.Lookup) > 0);
    }

    [Fact]
    public void Names_do_not_move_between_file_systems()
    {
        var (router, _, _) = TwoMounts();
        using var host = new ServerHost(router);
        using var machine = host.Mount();
        var fuse = machine.Fuse;
        var one = fuse.Walk("images/one").NodeId;
        var two = fuse.Walk("images/two").NodeId;
        var file = fuse.Walk("images/one/file").NodeId;
        var other = fuse.Walk("images/two/file").NodeId;

        Assert.Equal((int)Errno.EXDEV, fuse.Rename(one, "file"u8, two, "moved"u8));
        Assert.Equal((int)Errno.EXDEV, fuse.Rename2(one, "file"u8, two, "moved"u8, 1));
        Assert.Equal((int)Errno.EXDEV, fuse.Link(file, two, "linked"u8).Error);
        var from = fuse.Open(file).Value.Fh;
        var to = fuse.Open(other, 1).Value.Fh;
        Assert.Equal((int)Errno.EXDEV, fuse.CopyFileRange(file, from, 0, other, to, 0, 10).Error);
        Assert.Equal((int)Errno.EXDEV, fuse.CopyFileRange64(file, from, 0, other, to, 0, 10).Error);
    }

    [Fact]
    public void Pseudo_directories_are_not_remembered_by_the_guest_and_cannot_be_changed()
    {
        var (router, _, _) = TwoMounts();
        using var host = new ServerHost(router);
        using var machine = host.Mount();
        var fuse = machine.Fuse;
        var images = fuse.Lookup(FuseClient.Root, "images"u8).Value;

        Assert.Equal((0UL, 0u, 0UL, 0u), (images.EntryValid, images.EntryValidNsec, images.AttrValid, images.AttrValidNsec));
        Assert.Equal((int)Errno.ENOENT, fuse.Lookup(FuseClient.Root, "absent"u8).Error);
        Assert.NotEqual(0, fuse.MkDir(FuseClient.Root, "new"u8).Error);
        Assert.NotEqual(0, fuse.RmDir(FuseClient.Root, "images"u8));
        Assert.NotEqual(0, fuse.RmDir(images.NodeId, "one"u8));
        Assert.NotEqual(0, fuse.Rename(FuseClient.Root, "images"u8, FuseClient.Root, "other"u8));
    }

    [Fact]
    public void One_file_system_with_acls_is_enough_for_a_session_that_obeys_them()
    {
        var router = Router.Pseudo();
        router.Add("/with", new MemoryFileSystem(FileSystemTraits.Xattrs | FileSystemTraits.PosixAcls));
        router.Add("/without", new MemoryFileSystem());
        using var host = new ServerHost(router, new ServerHostOptions { Session = new Core.Fuse.SessionOptions { PosixAcl = Core.Fuse.FeatureMode.Auto } });
        using var machine = host.Mount();
        var fuse = machine.Fuse;

        Assert.True(fuse.Agreed.HasFlag(FuseInitFlags.PosixAcl | FuseInitFlags.DontMask | FuseInitFlags.SetXattrExt));
        // The guest's kernel takes any other error for a reason to refuse access.
        foreach (var directory in new[] { FuseClient.Root, fuse.Walk("with").NodeId, fuse.Walk("without").NodeId })
            Assert.Equal((int)Errno.ENODATA, fuse.GetXattr(directory, "system.posix_acl_access"u8).Error);
    }

    [Fact]
    public void Locks_are_agreed_for_what_is_mounted_below_a_pseudo_root_later()
    {
        using var host = new ServerHost(Router.Pseudo(), new ServerHostOptions { Session = new Core.Fuse.SessionOptions { PosixLocks = true, Flock = true } });
        using var machine = host.Mount();

        Assert.True(machine.Fuse.Agreed.HasFlag(FuseInitFlags.PosixLocks | FuseInitFlags.FlockLocks));
    }

    [Fact]
    public void A_single_file_system_without_locks_leaves_them_to_the_guest()
    {
        using var mounted = new MountedMemory(session: new Core.Fuse.SessionOptions { PosixLocks = true, Flock = true });

        Assert.Equal(FuseInitFlags.None, mounted.Fuse.Agreed & (FuseInitFlags.PosixLocks | FuseInitFlags.FlockLocks));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(999UL)]
    [InlineData(3UL << 44 | 1)]
    [InlineData(0xFFFFFUL << 44 | 1)]
    [InlineData(ulong.MaxValue)]
    public void A_node_id_that_was_never_given_out_is_stale(ulong node)
    {
        var (router, _, _) = TwoMounts();
        using var host = new ServerHost(router);
        using var machine = host.Mount();
        var fuse = machine.Fuse;

        Assert.Contains((Errno)fuse.GetAttr(node).Error, new[] { Errno.ESTALE, Errno.ENOENT });
        Assert.Contains((Errno)fuse.Lookup(node, "a"u8).Error, new[] { Errno.ESTALE, Errno.ENOENT });
        Assert.NotEqual(0, fuse.Open(node).Error);
        Assert.NotEqual(0, fuse.Read(node, 1, 0, 10).Error);
        Assert.NotEqual(0, fuse.Link(node, FuseClient.Root, "l"u8).Error);
        fuse.Forget(node, 1);
        Assert.Equal(0, fuse.GetAttr(FuseClient.Root).Error);
    }

    static (Router Router, MemoryFileSystem One, MemoryFileSystem Two) TwoMounts()
    {
        var one = new MemoryFileSystem();
        one.AddFile("file", "first");
        var two = new MemoryFileSystem();
        two.AddFile("file", "second");
        var router = Router.Pseudo();
        router.Add("/images/one", one);
        router.Add("/images/two", two);
        return (router, one, two);
    }
}
