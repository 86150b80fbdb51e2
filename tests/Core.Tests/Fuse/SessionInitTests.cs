using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>INIT: versions, flags, order.</summary>
public sealed class SessionInitTests
{
    /// <summary>All that a kernel of the future may offer.</summary>
    const FuseInitFlags Everything = (FuseInitFlags)ulong.MaxValue;

    public static TheoryData<uint> Minors { get; } = [.. Enumerable.Range(31, 15).Select(minor => (uint)minor), 46u, 99u];

    static FuseInitFlags FlagsOf(in FuseInitOut answer) => (FuseInitFlags)(answer.Flags | ((ulong)answer.Flags2 << 32));

    [Theory]
    [MemberData(nameof(Minors))]
    public void Every_minor_since_virtio_fs_is_agreed(uint minor)
    {
        using var mounted = new MountedMemory(initialise: false);

        var answer = mounted.Fuse.Init(minor).Value;

        Assert.Equal(7u, answer.Major);
        Assert.True(answer.Minor >= Math.Min(minor, 45), $"The answer's minor is {answer.Minor}.");
        Assert.Equal(FuseInitFlags.None, FlagsOf(answer) & ~FuseInitFlags.Linux);
        // Extensions of INIT exist since 7.36.
        if (minor < 36)
            Assert.Equal(FuseInitFlags.None, FlagsOf(answer) & ~(FuseInitFlags)uint.MaxValue);
        Assert.Equal(1u << 20, answer.MaxWrite);
        Assert.Equal(256, answer.MaxPages);
        Assert.Equal(1u, answer.TimeGranularity);
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void Nothing_is_agreed_that_was_not_offered()
    {
        using var mounted = new MountedMemory(
            FileSystemTraits.PosixLocks | FileSystemTraits.Flock | FileSystemTraits.Xattrs | FileSystemTraits.PosixAcls | FileSystemTraits.SecurityLabels,
            new Core.Fuse.SessionOptions
            {
                PosixAcl = Core.Fuse.FeatureMode.Auto, SecurityLabels = Core.Fuse.FeatureMode.Auto, Writeback = true, KillPrivilegesV2 = true, DirectIoAllowMmap = true, AnnounceSubmounts = true,
            },
            initialise: false);

        var answer = mounted.Fuse.Init(45, FuseInitFlags.None).Value;

        Assert.Equal(FuseInitFlags.None, FlagsOf(answer));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Idmapped_mounts_are_agreed_only_where_the_kernel_judges(bool allowed)
    {
        using var mounted = new MountedMemory(session: new Core.Fuse.SessionOptions { AllowIdmap = allowed }, initialise: false);

        var agreed = FlagsOf(mounted.Fuse.Init(45, Everything).Value);

        Assert.Equal(allowed, (agreed & FuseInitFlags.AllowIdmap) != 0);
    }

    [Fact]
    public void Nothing_is_agreed_that_this_daemon_does_not_do()
    {
        using var mounted = new MountedMemory(initialise: false);

        var agreed = FlagsOf(mounted.Fuse.Init(45, Everything).Value);

        Assert.Equal(
            FuseInitFlags.None,
            agreed & (FuseInitFlags.SpliceRead | FuseInitFlags.SpliceWrite | FuseInitFlags.SpliceMove | FuseInitFlags.Passthrough
                | FuseInitFlags.OverIoUring | FuseInitFlags.SecurityContext | FuseInitFlags.MapAlignment | FuseInitFlags.HasInodeDax
                | FuseInitFlags.ExportSupport | FuseInitFlags.PosixLocks | FuseInitFlags.FlockLocks | FuseInitFlags.WritebackCache
                | FuseInitFlags.PosixAcl | FuseInitFlags.NoOpenSupport | FuseInitFlags.NoOpenDirSupport | FuseInitFlags.AtomicOTrunc
                | (FuseInitFlags)(1UL << 31)));
        Assert.Equal(
            FuseInitFlags.AsyncRead | FuseInitFlags.ParallelDirOps | FuseInitFlags.BigWrites | FuseInitFlags.MaxPages
            | FuseInitFlags.InitExt | FuseInitFlags.CreateSuppGroup,
            agreed & (FuseInitFlags.AsyncRead | FuseInitFlags.ParallelDirOps | FuseInitFlags.BigWrites | FuseInitFlags.MaxPages
                | FuseInitFlags.InitExt | FuseInitFlags.CreateSuppGroup));
        Assert.Equal(0UL, (ulong)agreed >> 43);
    }

    [Theory]
    [InlineData(true, FuseInitFlags.Linux, FuseInitFlags.AtomicOTrunc | FuseInitFlags.HandleKillPrivV2)]
    [InlineData(true, FuseInitFlags.Linux & ~FuseInitFlags.HandleKillPrivV2, FuseInitFlags.None)]
    [InlineData(false, FuseInitFlags.Linux, FuseInitFlags.None)]
    public void An_open_truncates_only_where_it_says_whether_setuid_is_to_go(bool killPrivileges, FuseInitFlags offered, FuseInitFlags expected)
    {
        using var mounted = new MountedMemory(session: new Core.Fuse.SessionOptions { KillPrivilegesV2 = killPrivileges }, offered: offered);

        Assert.Equal(expected, mounted.Fuse.Agreed & (FuseInitFlags.AtomicOTrunc | FuseInitFlags.HandleKillPrivV2));
    }

    [Fact]
    public void Second_flags_count_only_with_their_announcement()
    {
        using var mounted = new MountedMemory(initialise: false);

        var agreed = FlagsOf(mounted.Fuse.Init(45, FuseInitFlags.Linux & ~FuseInitFlags.InitExt).Value);

        Assert.Equal(0u, (uint)((ulong)agreed >> 32));
    }

    [Fact]
    public void Options_and_traits_turn_their_flags_on()
    {
        using var mounted = new MountedMemory(
            FileSystemTraits.PosixLocks | FileSystemTraits.Flock | FileSystemTraits.Xattrs | FileSystemTraits.PosixAcls | FileSystemTraits.SecurityLabels,
            new Core.Fuse.SessionOptions
            {
                PosixAcl = Core.Fuse.FeatureMode.Auto, SecurityLabels = Core.Fuse.FeatureMode.Auto, Writeback = true, KillPrivilegesV2 = true, DirectIoAllowMmap = true, AnnounceSubmounts = true,
            });

        const FuseInitFlags Wanted = FuseInitFlags.PosixAcl | FuseInitFlags.DontMask | FuseInitFlags.SetXattrExt | FuseInitFlags.WritebackCache
            | FuseInitFlags.HandleKillPrivV2 | FuseInitFlags.DirectIoAllowMmap | FuseInitFlags.Submounts | FuseInitFlags.PosixLocks
            | FuseInitFlags.FlockLocks | FuseInitFlags.SecurityContext | FuseInitFlags.AtomicOTrunc;
        Assert.Equal(Wanted, mounted.Fuse.Agreed & Wanted);
    }

    [Theory]
    [InlineData(FuseInitFlags.PosixAcl)]
    [InlineData(FuseInitFlags.DontMask)]
    [InlineData(FuseInitFlags.SetXattrExt)]
    public void Acls_are_agreed_with_all_that_belongs_to_them_or_not_at_all(FuseInitFlags missing)
    {
        using var mounted = new MountedMemory(
            FileSystemTraits.Xattrs | FileSystemTraits.PosixAcls,
            new Core.Fuse.SessionOptions { PosixAcl = Core.Fuse.FeatureMode.Auto },
            offered: FuseInitFlags.Linux & ~missing);

        Assert.Equal(FuseInitFlags.None, mounted.Fuse.Agreed & (FuseInitFlags.PosixAcl | FuseInitFlags.DontMask | FuseInitFlags.SetXattrExt));
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [InlineData(FuseInitFlags.PosixAcl)]
    [InlineData(FuseInitFlags.DontMask)]
    [InlineData(FuseInitFlags.SetXattrExt)]
    public void A_guest_without_the_acls_that_are_insisted_on_is_refused_and_the_log_says_why(FuseInitFlags missing)
    {
        using var mounted = new MountedMemory(
            FileSystemTraits.Xattrs | FileSystemTraits.PosixAcls,
            new Core.Fuse.SessionOptions { PosixAcl = Core.Fuse.FeatureMode.Always },
            initialise: false);

        Assert.Equal((int)Errno.EPROTO, mounted.Fuse.TryInit(7, 45, FuseInitFlags.Linux & ~missing).Error);

        Assert.Contains("does not offer", mounted.Log, StringComparison.Ordinal);
        Assert.Equal((int)Errno.EIO, mounted.Fuse.GetAttr(FuseClient.Root).Error);
        Assert.Equal(0, mounted.Fuse.Init().Error);
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void Acls_are_left_alone_where_no_file_system_has_any()
    {
        using var mounted = new MountedMemory(FileSystemTraits.Xattrs, new Core.Fuse.SessionOptions { PosixAcl = Core.Fuse.FeatureMode.Auto });

        Assert.False(mounted.Fuse.Agreed.HasFlag(FuseInitFlags.PosixAcl));
    }

    [Fact]
    public void A_later_major_is_told_ours_and_asks_again()
    {
        using var mounted = new MountedMemory(initialise: false);

        var answer = mounted.Fuse.TryInit(8, 3, Everything).Value;

        Assert.Equal(7u, answer.Major);
        Assert.Equal((int)Errno.EIO, mounted.Fuse.GetAttr(FuseClient.Root).Error);
        Assert.Equal(0, mounted.Fuse.Init().Error);
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [InlineData(6u, 45u)]
    [InlineData(7u, 30u)]
    [InlineData(7u, 0u)]
    [InlineData(0u, 0u)]
    public void A_version_that_is_too_old_is_refused(uint major, uint minor)
    {
        using var mounted = new MountedMemory(initialise: false);

        Assert.Equal((int)Errno.EPROTO, mounted.Fuse.TryInit(major, minor, FuseInitFlags.Linux).Error);
        Assert.Equal((int)Errno.EIO, mounted.Fuse.GetAttr(FuseClient.Root).Error);
        Assert.Equal(0, mounted.Fuse.Init().Error);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(15)]
    public void An_init_that_is_too_short_is_refused(int length)
    {
        using var mounted = new MountedMemory(initialise: false);
        var request = mounted.Fuse.BeginFor<FuseInitOut>(FuseOpcode.Init, 0).Append(new FuseInitIn { Major = 7, Minor = 45 });
        request.Resize(FuseRequest.HeaderSize + length, request.ReplyRoom);

        Assert.Equal((int)Errno.EINVAL, mounted.Fuse.Run<FuseInitOut>(request).Error);
        Assert.Equal(0, mounted.Fuse.Init().Error);
    }

    [Fact]
    public void Requests_before_init_are_refused_and_reach_no_file_system()
    {
        using var mounted = new MountedMemory(initialise: false);
        var fuse = mounted.Fuse;

        Assert.Equal((int)Errno.EIO, fuse.GetAttr(FuseClient.Root).Error);
        Assert.Equal((int)Errno.EIO, fuse.Lookup(FuseClient.Root, "a"u8).Error);
        Assert.Equal((int)Errno.EIO, fuse.MkDir(FuseClient.Root, "a"u8).Error);
        fuse.Forget(FuseClient.Root, 1);

        Assert.All(Enum.GetValues<MemoryOperation>(), operation => Assert.Equal(0, mounted.Files.Calls(operation)));
    }

    [Fact]
    public void A_second_init_begins_a_new_session()
    {
        using var mounted = new MountedMemory();
        mounted.Files.AddFile("file", "content");
        _ = mounted.Fuse.Open(mounted.Fuse.Walk("file").NodeId).Value;

        Assert.Equal(0, mounted.Fuse.Init().Error);

        Assert.Equal(0, mounted.Files.OpenHandles);
        Assert.Equal("content"u8, mounted.Fuse.ReadFile("file"));
    }

    [Fact]
    public void An_init_beside_requests_that_wait_is_refused()
    {
        using var mounted = new MountedMemory();
        using var gate = mounted.Files.Hold(MemoryOperation.GetAttributes);
        var slow = mounted.Fuse.BeginGetAttr(FuseClient.Root);
        mounted.Fuse.Requests.Post(slow);
        mounted.Fuse.Requests.Notify();
        gate.WaitForArrivals();

        Assert.NotEqual(0, mounted.Fuse.TryInit(7, 45, FuseInitFlags.Linux).Error);
        gate.Open();
        mounted.Fuse.Requests.WaitFor(slow);

        Assert.Equal(0, slow.Error);
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void Destroy_ends_the_session()
    {
        using var mounted = new MountedMemory();

        Assert.Equal(0, mounted.Fuse.Destroy());

        Assert.Equal((int)Errno.EIO, mounted.Fuse.GetAttr(FuseClient.Root).Error);
        Assert.Equal(0, mounted.Fuse.Init().Error);
        Assert.True(mounted.IsAlive);
    }
}
