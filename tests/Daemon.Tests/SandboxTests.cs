using System.Diagnostics;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What the server that faces the guest has of the host: looked at from the host, through the server's own root and namespaces.</summary>
public sealed class SandboxTests : SharedDirectory
{
    [SandboxFact]
    public void The_servers_root_holds_the_share_and_the_program_and_nothing_else_of_the_host()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        var root = $"/proc/{ServerProcesses.Of(daemon)}/root";

        Assert.Equal("from the host", File.ReadAllText($"{root}/shares/1/hello"));
        foreach (var path in (string[])["etc/passwd", "etc/shadow", "root", "home", "var", "bin", "usr/bin", "proc/sys", "sys"])
            Assert.False(Path.Exists($"{root}/{path}"), path);
    }

    [SandboxFact]
    public void Nothing_above_the_share_can_be_reached_from_it()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        var share = $"/proc/{ServerProcesses.Of(daemon)}/root/shares/1";
        var up = string.Concat(Enumerable.Repeat("/..", 20));

        Assert.Equal(-(int)Errno.ENOENT, Open($"{share}{up}{Share}"));
        Assert.Equal(-(int)Errno.ENOENT, Open($"{share}{up}/etc/passwd"));
        using var shares = new FileDescriptor(Open($"{share}{up}/shares"));
        Assert.True(shares.Value >= 0);
    }

    [SandboxFact]
    public void From_inside_neither_a_link_nor_dots_lead_out()
    {
        File.CreateSymbolicLink(Path.Combine(Share, "link"), "/etc/passwd");
        File.CreateSymbolicLink(Path.Combine(Share, "up"), "../../../../../../etc/passwd");
        using var daemon = Daemon.Serve(Socket, Share);

        var found = InsideSandbox.Run(ServerProcesses.Of(daemon), fileHandles: true, () =>
            Array.ConvertAll((string[])["/etc/passwd", "/shares/1/link", "/shares/1/up", "/shares/1/../../../etc/passwd"], Open));
        var share = InsideSandbox.Run(ServerProcesses.Of(daemon), fileHandles: true, () => Open("/shares/1/hello"));

        Assert.All(found, result => Assert.Equal(-(int)Errno.ENOENT, result));
        Assert.True(share >= 0);
        _ = Descriptors.Close(share);
    }

    [SandboxFact]
    public unsafe void From_inside_a_file_handle_opens_nothing_without_the_right_to_open_by_handle()
    {
        var outside = Folder["outside"];
        File.WriteAllText(outside, "not shared");
        FileHandle handle;
        fixed (byte* path = Utf8Path.Encode(outside))
            SystemCallException.ThrowIfError(FileHandles.Get(Descriptors.AT_FDCWD, path, &handle, 0), "name_to_handle_at");
        using var daemon = Daemon.Serve(Socket, Share, "--inode-file-handles=never");
        var taken = &handle;

        var result = InsideSandbox.Run(ServerProcesses.Of(daemon), fileHandles: false, () =>
        {
            using var share = new FileDescriptor(Descriptors.Open("/shares/1", OpenFlags.O_RDONLY));
            return share.Value < 0 ? share.Value : FileHandles.Open(share.Value, taken, OpenFlags.O_RDONLY);
        });

        Assert.Equal(-(int)Errno.EPERM, result);
    }

    [SandboxFact]
    public void The_servers_root_and_program_are_read_only()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        var mounts = File.ReadAllLines($"/proc/{ServerProcesses.Of(daemon)}/mountinfo").Select(line => line.Split(' ')).ToArray();

        var writable = mounts.Where(fields => fields[5].Split(',').Contains("rw")).Select(fields => fields[4]).Order();
        Assert.Equal(["/dev/null", "/dev/urandom", "/proc", "/shares/1"], writable);
        Assert.All(mounts.Where(fields => !fields[4].StartsWith("/dev/", StringComparison.Ordinal)), fields => Assert.Contains("nodev", fields[5].Split(',')));
        Assert.All(mounts, fields => Assert.Contains("nosuid", fields[5].Split(',')));
    }

    [SandboxFact]
    public void A_share_that_is_readonly_is_so_for_the_kernel_too()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--readonly");

        var error = Assert.ThrowsAny<Exception>(() => File.WriteAllText($"/proc/{ServerProcesses.Of(daemon)}/root/shares/1/new", ""));

        Assert.Contains("Read-only file system", error.Message, StringComparison.Ordinal);
    }

    [SandboxFact]
    public void The_server_has_namespaces_and_no_network()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        var pid = ServerProcesses.Of(daemon);

        foreach (var name in (string[])["mnt", "net", "ipc", "uts"])
            Assert.NotEqual(new FileInfo($"/proc/self/ns/{name}").LinkTarget, new FileInfo($"/proc/{pid}/ns/{name}").LinkTarget);
        var interfaces = File.ReadAllLines($"/proc/{pid}/net/dev").Skip(2).Select(line => line.Split(':')[0].Trim());
        Assert.Equal(["lo"], interfaces);
        Assert.Empty(File.ReadAllLines($"/proc/{pid}/net/route").Skip(1));
    }

    [SandboxFact]
    public void The_parent_stays_where_its_caller_started_it()
    {
        using var daemon = Daemon.Serve(Socket, Share);

        foreach (var name in (string[])["mnt", "net", "ipc", "uts"])
            Assert.Equal(new FileInfo($"/proc/self/ns/{name}").LinkTarget, new FileInfo($"/proc/{daemon.Id}/ns/{name}").LinkTarget);
        Assert.Equal("/", new FileInfo($"/proc/{daemon.Id}/root").LinkTarget);
    }

    [SandboxFact]
    public void The_server_keeps_only_the_capabilities_that_serving_needs()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--inode-file-handles=never");
        var pid = ServerProcesses.Of(daemon);

        // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, SETGID 6, SETUID 7, MKNOD 27, SETFCAP 31.
        const ulong Serving = 0b1101_1011 | (1UL << 27) | (1UL << 31);
        foreach (var set in (string[])["CapPrm", "CapEff", "CapBnd"])
            Assert.Equal(Serving, Convert.ToUInt64(ServerProcesses.Status(pid, set), 16));
        Assert.Equal(0UL, Convert.ToUInt64(ServerProcesses.Status(pid, "CapAmb"), 16));
        Assert.Equal("1", ServerProcesses.Status(pid, "NoNewPrivs"));
    }

    [SandboxFact]
    public void Every_thread_of_the_server_is_under_the_filter()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));

        var threads = Directory.GetDirectories($"/proc/{ServerProcesses.Of(daemon)}/task");

        Assert.True(threads.Length > 3);
        Assert.All(threads, thread => Assert.Contains("Seccomp:\t2", File.ReadAllLines($"{thread}/status")));
    }

    [SandboxFact]
    public void Nothing_of_the_callers_environment_and_descriptors_reaches_the_server()
    {
        using var inherited = new InheritedListener(Folder["other.sock"]);
        using var daemon = ChildProcess.Start(
            Daemon.Program, ["serve", "--socket-path", Socket, Share],
            environment: new Dictionary<string, string> { ["AWS_SECRET_ACCESS_KEY"] = "secret" });
        var pid = ServerProcesses.Of(daemon);

        Assert.Contains("AWS_SECRET_ACCESS_KEY", File.ReadAllText($"/proc/{daemon.Id}/environ"), StringComparison.Ordinal);
        Assert.DoesNotContain("AWS_SECRET_ACCESS_KEY", File.ReadAllText($"/proc/{pid}/environ"), StringComparison.Ordinal);
        Assert.Contains(Links(daemon.Id), link => link == new FileInfo($"/proc/self/fd/{inherited.Fd}").LinkTarget);
        Assert.DoesNotContain(Links(pid), link => link == new FileInfo($"/proc/self/fd/{inherited.Fd}").LinkTarget);
    }

    [SandboxFact]
    public void What_the_host_mounts_in_the_share_later_is_seen()
    {
        // A mount that is shared, as everything is under systemd, so that mounts on it are passed on.
        Mount("-t", "tmpfs", "none", Share);
        try
        {
            Mount("--make-shared", Share);
            Directory.CreateDirectory(Path.Combine(Share, "rootfs"));
            Directory.CreateDirectory(Folder["container"]);
            File.WriteAllText(Folder["container/inside"], "bound later");
            using var daemon = Daemon.Serve(Socket, Share, "--cache=never");
            using var machine = VirtualMachine.Mount(Socket);
            Assert.Equal((int)Errno.ENOENT, machine.Fuse.Lookup(machine.Fuse.Walk("rootfs").NodeId, "inside"u8).Error);

            Mount("--bind", Folder["container"], Path.Combine(Share, "rootfs"));
            try
            {
                Assert.Equal("bound later"u8, machine.Fuse.ReadFile("rootfs/inside"));
            }
            finally
            {
                // As Kata unmounts: the guest still knows what was there.
                Run("umount", "-l", Path.Combine(Share, "rootfs"));
            }
            Assert.Equal((int)Errno.ENOENT, machine.Fuse.Lookup(machine.Fuse.Walk("rootfs").NodeId, "inside"u8).Error);
        }
        finally
        {
            Run("umount", "-l", Share);
        }
    }

    [SandboxFact]
    public void The_server_ends_with_its_parent_however_that_ends()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        var server = ServerProcesses.Of(daemon);
        using var end = new FileDescriptor(SystemCallException.ThrowIfError(Processes.OpenDescriptor(server), "pidfd_open"));

        daemon.Kill();

        Assert.Equal(1, Polling.Poll([new PollEntry(end.Value, Polling.POLLIN)], (int)End.TotalMilliseconds));
    }

    [SandboxFact]
    public void A_server_that_is_killed_ends_its_parent_which_says_so()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        var server = ServerProcesses.Of(daemon);

        ServerProcesses.Signal(server, "KILL");

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(1, daemon.ExitCode);
        Assert.Contains("ended by signal 9", daemon.ErrorText, StringComparison.Ordinal);
        Assert.False(File.Exists(Socket));
    }

    [SandboxFact]
    public void A_signal_to_the_parent_ends_the_server_in_order()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        machine.Fuse.WriteFile(FuseClient.Root, "new"u8, "written"u8);

        daemon.Terminate();

        Assert.True(daemon.WaitForExit(End), daemon.ErrorText);
        Assert.Equal(0, daemon.ExitCode);
        Assert.Contains("requests:", daemon.ErrorText, StringComparison.Ordinal);
        Assert.False(File.Exists(Socket));
    }

    [SandboxFact]
    public void A_server_in_a_chroot_serves_and_sees_nothing_under_its_root()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--sandbox=chroot", "--xattr");
        using var machine = VirtualMachine.Mount(Socket);
        var server = ServerProcesses.Of(daemon);

        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{server}/root/"));
        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
        machine.Fuse.WriteFile(FuseClient.Root, "new"u8, "from the guest"u8);
        Assert.Equal(0, machine.Fuse.SetXattr(machine.Fuse.Walk("new").NodeId, "user.one"u8, "1"u8));
        Assert.Equal("1"u8, machine.Fuse.GetXattr(machine.Fuse.Walk("new").NodeId, "user.one"u8).Value);
        Assert.Equal("from the guest", File.ReadAllText(Path.Combine(Share, "new")));
    }

    [SandboxFact]
    public void Without_a_sandbox_there_is_one_process()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--sandbox=none");

        Assert.Throws<InvalidOperationException>(() => ServerProcesses.Of(daemon));
    }

    /// <summary>As it stands: the runtime's own functions take ".." away before the kernel sees it.</summary>
    static int Open(string path) => Descriptors.Open(path, OpenFlags.O_PATH);

    static IEnumerable<string?> Links(int pid) => Directory.GetFiles($"/proc/{pid}/fd").Select(path => new FileInfo(path).LinkTarget);

    static void Mount(params string[] arguments) => Assert.Equal(0, Run("mount", arguments));

    static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
