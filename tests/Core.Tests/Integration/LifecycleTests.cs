using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Connections that end, come again or never say goodbye. Not beside other tests: it counts the process's descriptors.</summary>
[Collection(nameof(WholeProcess))]
public sealed class LifecycleTests
{
    /// <summary>QEMU resets the device when it connects; cloud-hypervisor reconnects under a guest that runs on.</summary>
    static readonly VirtualMachineOptions s_reconnecting = new() { Profile = VmmProfile.CloudHypervisor };

    static MemoryFileSystem Files()
    {
        var files = new MemoryFileSystem();
        files.AddFile("file", "content");
        return files;
    }

    [Fact]
    public void A_vmm_that_leaves_ends_the_server_and_the_session()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount();
        _ = machine.Fuse.Open(machine.Fuse.Walk("file").NodeId).Value;
        Assert.Equal(1, files.OpenHandles);

        machine.Disconnect();

        Assert.True(host.WaitForEnd());
        Assert.Equal(0, files.OpenHandles);
        Assert.False(host.Session.IsInitialised);
        Assert.False(File.Exists(host.SocketPath));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Everything_is_released_with_the_connection(bool orderly)
    {
        Assert.Null(OpenDescriptors.LeftBy(RunOnce));

        void RunOnce()
        {
            using var host = new ServerHost(Files(), new ServerHostOptions { Tag = "t" });
            using var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 3, Profile = VmmProfile.QemuGenericDevice });
            machine.StartLogging();
            _ = machine.Fuse.ReadFile("file");
            if (orderly)
                machine.Stop();
            machine.Disconnect();
            Assert.True(host.WaitForEnd());
        }
    }

    [Fact]
    public void Relistening_releases_each_connection_s_resources()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Relisten = true });

        Assert.Null(OpenDescriptors.LeftBy(Connect));

        void Connect()
        {
            using (var machine = host.Mount())
                _ = machine.Fuse.ReadFile("file");
            host.WaitListening();
        }
    }

    [Fact]
    public void A_reconnect_keeps_the_session_and_what_the_guest_holds()
    {
        var files = Files();
        using var host = new ServerHost(files, new ServerHostOptions { Relisten = true });
        using var machine = host.Mount(s_reconnecting);
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;

        machine.Disconnect();
        host.WaitListening();
        machine.Reconnect(host.SocketPath);

        Assert.Equal("content"u8, machine.Fuse.Read(node, handle, 0, 100).Value);
        Assert.Equal(0, machine.Fuse.Release(node, handle));
        Assert.Equal(0, files.Calls(MemoryOperation.Reset));
    }

    [Fact]
    public void A_machine_that_boots_again_gets_a_new_session()
    {
        var files = Files();
        using var host = new ServerHost(files, new ServerHostOptions { Relisten = true });
        using (var first = host.Mount())
            _ = first.Fuse.Open(first.Fuse.Walk("file").NodeId).Value;
        host.WaitListening();

        using var second = host.Mount();

        Assert.Equal(0, files.OpenHandles);
        Assert.Equal("content"u8, second.Fuse.ReadFile("file"));
    }

    [Fact]
    public void A_request_posted_before_the_reconnect_is_answered_after_it()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Relisten = true });
        using var machine = host.Mount(s_reconnecting);
        machine.Disconnect();
        host.WaitListening();
        var request = machine.Fuse.BeginGetAttr(FuseClient.Root);
        machine.Fuse.Requests.Post(request);
        machine.Queues[1].Publish();

        // A VMM kicks every queue after a reconnect; what lies in the ring is found by that.
        machine.Reconnect(host.SocketPath);
        machine.Queues[1].Kick.Signal();

        machine.Fuse.Requests.WaitFor(request);
        Assert.Equal(0, request.Error);
    }

    [Fact]
    public void Requests_in_flight_end_with_a_connection_that_is_lost()
    {
        var files = Files();
        using var gate = files.Hold(MemoryOperation.GetAttributes);
        using var host = new ServerHost(files);
        using var machine = host.Boot();
        machine.Fuse.Init();
        machine.Fuse.Requests.Post(machine.Fuse.BeginGetAttr(FuseClient.Root));
        machine.Fuse.Requests.Notify();
        gate.WaitForArrivals();

        machine.Disconnect();

        // Nobody waits for the answer: what the operation waited for is cancelled.
        Assert.True(host.WaitForEnd());
    }

    [Fact]
    public async Task Stop_finishes_what_is_in_flight()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount();
        using var gate = files.Hold(MemoryOperation.GetAttributes);
        var slow = machine.Fuse.BeginGetAttr(FuseClient.Root);
        machine.Fuse.Requests.Post(slow);
        machine.Fuse.Requests.Notify();
        gate.WaitForArrivals();

        host.Stop();
        var ended = Task.Run(() => host.WaitForEnd());
        Assert.NotSame(ended, await Task.WhenAny(ended, Task.Delay(100)));
        gate.Open();

        Assert.True(await ended);
        Assert.Same(slow, machine.Fuse.Requests.Poll());
        Assert.Equal(0, slow.Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Stop_cancels_what_still_waits_after_a_short_time(bool vmmHasGone)
    {
        var files = Files();
        using var host = new ServerHost(
            files, new ServerHostOptions { Relisten = vmmHasGone, DrainLimit = Timeout.InfiniteTimeSpan, StopGrace = TimeSpan.FromMilliseconds(50) });
        using var machine = host.Mount();
        using var gate = files.Hold(MemoryOperation.GetAttributes);
        PostHeld(machine, gate);
        if (vmmHasGone)
        {
            machine.Disconnect();
            Assert.True(host.Logger.WaitFor("disconnected", TimeSpan.FromSeconds(20)), host.Logger.Text);
        }

        host.Stop();

        Assert.True(host.WaitForEnd());
        Assert.False(host.HasAbandoned);
    }

    [Fact]
    public void What_does_not_end_at_all_is_told_when_the_server_has_ended()
    {
        var files = Files();
        using var host = new ServerHost(files, new ServerHostOptions { DrainLimit = TimeSpan.FromMilliseconds(100), StopGrace = TimeSpan.Zero });
        using var machine = host.Mount();
        using var gate = files.Intercept(MemoryOperation.GetAttributes, OperationGate.HoldFirmly())!;
        PostHeld(machine, gate);

        host.Stop();

        Assert.True(host.WaitForEnd());
        Assert.True(host.HasAbandoned);
        gate.Open();
        Assert.True(host.Logger.WaitFor("Queue 1 has ended", TimeSpan.FromSeconds(20)), host.Logger.Text);
    }

    /// <summary>A GETATTR that stays under way.</summary>
    static void PostHeld(VirtualMachine machine, OperationGate gate)
    {
        machine.Fuse.Requests.Post(machine.Fuse.BeginGetAttr(FuseClient.Root));
        machine.Fuse.Requests.Notify();
        gate.WaitForArrivals();
    }

    [Fact]
    public void Stop_ends_a_server_that_nobody_has_connected_to()
    {
        using var host = new ServerHost(Files());

        host.Stop();

        Assert.True(host.WaitForEnd());
        Assert.False(File.Exists(host.SocketPath));
    }

    [Fact]
    public void Stop_ends_an_idle_connection()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();

        host.Stop();

        Assert.True(host.WaitForEnd());
        Assert.True(machine.Frontend.Socket.WaitForClose(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Reset_drops_the_session_and_a_new_one_can_begin()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount();
        _ = machine.Fuse.Open(machine.Fuse.Walk("file").NodeId).Value;

        machine.Frontend.ResetDevice(acknowledge: true);

        Assert.Equal(0, files.OpenHandles);
        Assert.False(host.Session.IsInitialised);
        machine.ResetQueues();
        machine.Start();
        Assert.Equal((int)Errno.EIO, machine.Fuse.GetAttr(FuseClient.Root).Error);
        machine.MountSession();
        Assert.Equal("content"u8, machine.Fuse.ReadFile("file"));
    }

    [Fact]
    public async Task Reset_waits_for_requests_in_flight()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount();
        using var gate = files.Intercept(MemoryOperation.GetAttributes, OperationGate.HoldFirmly())!;
        machine.Fuse.Requests.Post(machine.Fuse.BeginGetAttr(FuseClient.Root));
        machine.Fuse.Requests.Notify();
        gate.WaitForArrivals();

        var reset = Task.Run(() => machine.Frontend.ResetDevice(acknowledge: true));
        Assert.NotSame(reset, await Task.WhenAny(reset, Task.Delay(100)));
        Assert.Equal(0, files.Calls(MemoryOperation.Reset));
        gate.Open();
        await reset;

        Assert.Equal(1, files.Calls(MemoryOperation.Reset));
    }

    [Fact]
    public void Two_servers_in_one_process_do_not_disturb_each_other()
    {
        using var one = new ServerHost(Files());
        using var two = new ServerHost(Files());
        using var first = one.Mount();
        using var second = two.Mount();

        first.Disconnect();

        Assert.True(one.WaitForEnd());
        Assert.Equal("content"u8, second.Fuse.ReadFile("file"));
    }

    [Fact]
    public void A_second_vmm_waits_until_the_first_has_left()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Relisten = true });
        using var first = host.Mount();
        using var second = VhostUserFrontend.Connect(host.SocketPath);
        second.Socket.Send((uint)VhostUserRequest.GetFeatures, VhostUserMessage.Version, []);
        Assert.Equal(0, first.Fuse.GetAttr(FuseClient.Root).Error);
        Assert.False(second.Socket.HasInput);

        first.Disconnect();

        using var reply = second.Socket.Receive();
        Assert.True(reply.IsReply);
    }

    [Fact]
    public void Who_connects_and_says_nothing_does_not_end_the_server()
    {
        using var host = new ServerHost(Files());
        for (var i = 0; i < 3; i++)
        {
            VhostUserFrontend.Connect(host.SocketPath).Dispose();
            host.WaitListening();
        }

        using var machine = host.Mount();

        Assert.Equal("content"u8, machine.Fuse.ReadFile("file"));
    }
}
