using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The program serves, ends and starts again as callers expect it to.</summary>
public sealed class ServeTests : SharedDirectory
{
    [Fact]
    public void A_directory_is_served_read_write_and_the_program_ends_with_the_vmm()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        using (var machine = VirtualMachine.Mount(Socket))
        {
            Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
            machine.Fuse.WriteFile(FuseClient.Root, "new"u8, "from the guest"u8);
        }

        Assert.True(daemon.WaitForExit(End), daemon.ErrorText);
        Assert.Equal(0, daemon.ExitCode);
        Assert.Equal("from the guest", File.ReadAllText(Path.Combine(Share, "new")));
        Assert.False(File.Exists(Socket));
        Assert.Empty(daemon.OutputText);
    }

    [Fact]
    public void A_readonly_share_is_not_changed()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--readonly");
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal((int)Errno.EROFS, machine.Fuse.MkDir(FuseClient.Root, "new"u8).Error);
        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void Several_directories_are_served_under_one_root()
    {
        var second = Directory.CreateDirectory(Folder["second"]).FullName;
        File.WriteAllText(Path.Combine(second, "two"), "2");
        using var daemon = Daemon.Serve(Socket, "--mount", $"/one={Share}", "--mount", $"/deep/two={second}");
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("one/hello"));
        Assert.Equal("2"u8, machine.Fuse.ReadFile("deep/two/two"));
    }

    [Fact]
    public void Sigterm_ends_an_idle_server_cleanly()
    {
        using var daemon = Daemon.Serve(Socket, Share);

        daemon.Terminate();

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
        Assert.False(File.Exists(Socket));
    }

    [Fact]
    public void Sigterm_ends_a_server_with_a_guest_cleanly()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        _ = machine.Fuse.ReadFile("hello");

        daemon.Terminate();

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
        Assert.True(machine.Frontend.Socket.WaitForClose(End));
    }

    [Fact]
    public void Requests_that_were_posted_when_sigterm_came_are_answered_or_left_in_the_ring()
    {
        using var daemon = Daemon.Serve(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        var queue = machine.Fuse.Requests;
        daemon.Freeze();
        for (var i = 0; i < 20; i++)
            queue.Post(machine.Fuse.BeginGetAttr(FuseClient.Root));
        queue.Notify();
        daemon.Terminate();
        daemon.Thaw();

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
        while (queue.Poll() is { } request)
        {
            FuseQueue.Check(request);
            Assert.Equal(0, request.Error);
        }
    }

    [Fact]
    public void A_listening_descriptor_can_be_handed_over()
    {
        using var listener = new InheritedListener(Socket);
        using var daemon = ChildProcess.Start(Daemon.Program, ["serve", "--fd", $"{listener.Fd}", Share]);
        listener.Dispose();

        using (var machine = VirtualMachine.Mount(Socket))
            Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));

        Assert.True(daemon.WaitForExit(End));
        Assert.Equal(0, daemon.ExitCode);
    }

    [Fact]
    public void A_descriptor_that_does_not_listen_is_refused()
    {
        using var listener = new InheritedListener(Socket, listening: false);

        var (code, _, error) = Daemon.Run("serve", "--fd", $"{listener.Fd}", Share);

        Assert.Equal(1, code);
        Assert.Contains("listen", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_listens_again_keeps_the_session()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--relisten");
        using var machine = VirtualMachine.Mount(Socket, new VirtualMachineOptions { Profile = VmmProfile.CloudHypervisor });
        var node = machine.Fuse.Walk("hello").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;

        machine.Disconnect();
        Assert.True(daemon.WaitReady(2, End));
        machine.Reconnect(Socket);

        Assert.Equal("from the host"u8, machine.Fuse.Read(node, handle, 0, 100).Value);
        var descriptors = daemon.CountDescriptors();
        for (var i = 0; i < 5; i++)
        {
            machine.Disconnect();
            Assert.True(daemon.WaitReady(3 + i, End));
            machine.Reconnect(Socket);
        }
        Assert.True(daemon.CountDescriptors() <= descriptors);
    }

    [Fact]
    public void A_stale_socket_is_replaced_and_one_in_use_is_not()
    {
        using (var first = Daemon.Serve(Socket, Share))
        {
            var (code, _, error) = Daemon.Run("serve", "--socket-path", Socket, Share);
            Assert.Equal(1, code);
            Assert.Contains("in use", error, StringComparison.Ordinal);
            first.Kill();
            Assert.True(first.WaitForExit(End));
        }
        Assert.True(File.Exists(Socket));

        using var second = Daemon.Serve(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void The_socket_has_the_mode_that_was_asked_for()
    {
        using (Daemon.Serve(Socket, Share))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        using (Daemon.Serve(Folder["other.sock"], Share, "--socket-mode", "0666"))
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
                | UnixFileMode.OtherRead | UnixFileMode.OtherWrite,
                File.GetUnixFileMode(Folder["other.sock"]));
    }

    [Fact]
    public void A_bare_socket_name_lies_in_the_working_directory()
    {
        // Kata's runtime-rs, rootless: the path is a file name, the working directory is the socket's.
        using var daemon = ChildProcess.Start(
            Daemon.Program, ["serve", "--socket-path", "bare.sock", Share], workingDirectory: Folder.Path);

        using var machine = VirtualMachine.Mount(Folder["bare.sock"]);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void A_hostile_vmm_does_not_end_a_server_that_listens_again()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--relisten");
        using (var hostile = VhostUserSocket.Connect(Socket))
        {
            hostile.SendRaw([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
            Assert.True(hostile.WaitForClose(End));
        }
        Assert.True(daemon.WaitReady(2, End));

        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void The_tag_is_in_the_configuration_space()
    {
        using var daemon = Daemon.Serve(Socket, Share, "--tag", "kataShared", "--request-queues", "2");
        using var machine = VirtualMachine.Mount(
            Socket, new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, RequestQueues = 2 });

        Assert.Equal("kataShared"u8, machine.Configuration.AsSpan(0, 10));
        Assert.Equal(2, machine.Configuration[36]);
        Assert.Equal("from the host"u8, machine.Clients[1].ReadFile("hello"));
    }
}
