using Microsoft.Win32.SafeHandles;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Callers;

/// <summary>
/// The command lines of those who start virtiofsd today, word for word, each up to a file that is read through a mounted session. The
/// sources of the words: kata-containers (virtiofsd.go, share_virtio_fs_standalone.rs), Incus (device/disk), libvirt (qemu_virtiofs.c),
/// systemd (vmspawn.c), podman (machine/qemu).
/// </summary>
public sealed class CallerTests : SharedDirectory
{
    const ulong Day = 86_400;

    static readonly Dictionary<string, string> s_noEnvironment = [];

    [Theory]
    [InlineData("auto", 1)]
    [InlineData("never", 0)]
    [InlineData("metadata", Day)]
    [InlineData("always", Day)]
    public void Katas_go_shim_with_a_listening_descriptor(string cache, ulong seconds)
    {
        using var listener = new InheritedListener(Socket);
        using var daemon = CallerProcess.WithListener(
            listener, "--syslog", $"--cache={cache}", $"--shared-dir={Share}", "--fd=3", "--thread-pool-size=1", "--announce-submounts");
        listener.Dispose();
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
        Assert.Equal(seconds, machine.Fuse.Walk("hello").EntryValid);
        Assert.True(machine.Fuse.Agreed.HasFlag(FuseInitFlags.Submounts));
        Assert.Equal(cache != "never", machine.Fuse.Agreed.HasFlag(FuseInitFlags.DoReadDirPlus));
        daemon.Kill();
        Assert.True(daemon.WaitForExit(End));
    }

    [Fact]
    public void Katas_go_shim_with_selinux_in_the_guest()
    {
        using var listener = new InheritedListener(Socket);
        using var daemon = CallerProcess.WithListener(
            listener, "--syslog", "--cache=auto", $"--shared-dir={Share}", "--fd=3", "--thread-pool-size=1", "--announce-submounts", "--xattr");
        listener.Dispose();
        using var machine = VirtualMachine.Mount(Socket);
        var node = machine.Fuse.Walk("hello").NodeId;

        Assert.Equal(0, machine.Fuse.SetXattr(node, "user.key"u8, "value"u8));
        Assert.Equal("value"u8, machine.Fuse.GetXattr(node, "user.key"u8).Value);
    }

    [Fact]
    public void Katas_runtime_rs_with_a_bare_socket_name()
    {
        using var daemon = CallerProcess.Ready(
            Folder.Path, "--socket-path", "virtiofsd.sock", "--shared-dir", Share, "--cache", "auto", "--thread-pool-size=1", "-o", "announce_submounts", "--xattr");
        var socket = Folder["virtiofsd.sock"];
        Assert.Equal($"{daemon.Id}\n", ReadLocked($"{socket}.pid"));

        using (var machine = VirtualMachine.Mount(socket))
        {
            Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
            Assert.True(machine.Fuse.Agreed.HasFlag(FuseInitFlags.Submounts));
        }

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
        Assert.False(File.Exists($"{socket}.pid"));
    }

    [Fact]
    public void Incus_with_acls_where_both_sides_have_them()
    {
        using var listener = new InheritedListener(Socket);
        using var daemon = CallerProcess.WithListener(listener, "--fd=3", "--cache=metadata", $"--shared-dir={Share}", "--posix-acl=auto");
        listener.Dispose();
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
        Assert.Equal(Day, machine.Fuse.Walk("hello").EntryValid);
    }

    [Fact]
    public void Incus_with_the_ids_of_a_container_s_user()
    {
        using var listener = new InheritedListener(Socket);
        var id = Environment.IsPrivilegedProcess ? 0 : ProcessIdentity.EffectiveUid;
        using var daemon = CallerProcess.WithListener(
            listener, "--fd=3", "--cache=never", $"--shared-dir={Share}",
            $"--translate-uid=map:1000:{id}:1", "--translate-uid=forbid-guest:0:1000", "--translate-uid=forbid-guest:1001:4294966294",
            $"--translate-gid=squash-guest:0:{ProcessIdentity.EffectiveGid}:4294967295");
        listener.Dispose();
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal(1000u, machine.Fuse.Walk("hello").Attr.Uid);
        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
        Assert.NotEqual(0, machine.Fuse.MkDir(FuseClient.Root, "root's"u8).Error);
        machine.Fuse.Caller = new FuseCaller(1000, 1000);
        Assert.Equal(1000u, machine.Fuse.MkDir(FuseClient.Root, "user's"u8).Value.Attr.Uid);
    }

    [Fact]
    public void Libvirt_with_options_of_their_own()
    {
        using var listener = new InheritedListener(Socket);
        using var daemon = CallerProcess.WithListener(
            listener, "--fd=3", "--shared-dir", Share, "--cache", "always", "--sandbox", "namespace", "--xattr", "--thread-pool-size=16",
            "--rlimit-nofile=1024", "--readonly", "--log-level", "debug");
        listener.Dispose();
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
        Assert.Equal((int)Errno.EROFS, machine.Fuse.MkDir(FuseClient.Root, "new"u8).Error);
        Assert.Equal(Day, machine.Fuse.Walk("hello").EntryValid);
    }

    [Fact]
    public void Libvirt_of_old_with_a_list()
    {
        using var listener = new InheritedListener(Socket);
        using var daemon = CallerProcess.WithListener(
            listener, "--fd=3", "-o", $"source={Share},cache=always,sandbox=namespace,xattr,flock,posix_lock", "-d");
        listener.Dispose();
        using (var machine = VirtualMachine.Mount(Socket))
        {
            Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
            Assert.True(machine.Fuse.Agreed.HasFlag(FuseInitFlags.FlockLocks | FuseInitFlags.PosixLocks));
            Assert.Equal(Day, machine.Fuse.Walk("hello").EntryValid);
        }

        Assert.True(daemon.WaitForExit(End));
        Assert.Contains(" DEBUG]", daemon.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Systemd_vmspawn_says_nothing_below_errors_and_mounts_no_submounts()
    {
        using var listener = new InheritedListener(Socket);
        var (user, group) = (ProcessIdentity.EffectiveUid, ProcessIdentity.EffectiveGid);
        using var daemon = CallerProcess.WithListener(
            listener, "--fd", "3", "--xattr", "--shared-dir", Share, "--modcaps=-mknod", "--log-level=error", "--no-announce-submounts",
            "--translate-uid", $"map:4000:{user}:1", "--translate-gid", $"map:4000:{group}:1");
        listener.Dispose();
        using (var machine = VirtualMachine.Mount(Socket))
        {
            Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
            Assert.False(machine.Fuse.Agreed.HasFlag(FuseInitFlags.Submounts));
            Assert.Equal((4000u, 4000u), (machine.Fuse.Walk("hello").Attr.Uid, machine.Fuse.Walk("hello").Attr.Gid));
        }

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
        Assert.Empty(daemon.ErrorText);
    }

    [Fact]
    public void Podman_s_machine_waits_for_the_socket()
    {
        using var daemon = CallerProcess.Started(
            Share, new Dictionary<string, string> { ["RUST_LOG"] = "ERROR" },
            "--sandbox", "none", "--socket-path", Socket, "--shared-dir", ".", "--seccomp=none");
        using (var machine = CallerProcess.MountWhenListening(daemon, Socket))
            Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
        Assert.Empty(daemon.ErrorText);
    }

    [Fact]
    public void A_second_daemon_on_a_socket_is_refused_by_the_pid_file()
    {
        using var first = CallerProcess.Ready(Folder.Path, "--socket-path", Socket, "--shared-dir", Share);
        using var second = CallerProcess.Started(Folder.Path, s_noEnvironment, "--socket-path", Socket, "--shared-dir", Share);

        Assert.True(second.WaitForExit(End));
        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"pid {first.Id}", second.ErrorText, StringComparison.Ordinal);
        Assert.Equal($"{first.Id}\n", ReadLocked($"{Socket}.pid"));
    }

    [Fact]
    public void What_a_killed_daemon_left_behind_is_taken_over()
    {
        using (var first = CallerProcess.Ready(Folder.Path, "--socket-path", Socket, "--shared-dir", Share))
        {
            first.Kill();
            Assert.True(first.WaitForExit(End));
        }
        Assert.True(File.Exists($"{Socket}.pid"));

        using var second = CallerProcess.Ready(Folder.Path, "--socket-path", Socket, "--shared-dir", Share);

        Assert.Equal($"{second.Id}\n", ReadLocked($"{Socket}.pid"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"{Socket}.pid"));
    }

    /// <summary>By a descriptor: the runtime's own way to read a file takes a lock first.</summary>
    static string ReadLocked(string path)
    {
        using var file = new SafeFileHandle(Descriptors.Open(path, OpenFlags.O_RDONLY), ownsHandle: true);
        using var reader = new StreamReader(new FileStream(file, FileAccess.Read));
        return reader.ReadToEnd();
    }
}
