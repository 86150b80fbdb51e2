using System.Collections.Concurrent;
using VirtioFsStore.Core.Transport;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

/// <summary>Stopping, resetting and taking memory away while requests wait for something.</summary>
public sealed class DeviceTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void Reset_cancels_what_waits_and_ends_the_session()
    {
        using var server = new EchoServer();
        server.Handler.Holds = true;
        using var machine = VirtualMachine.Boot(server.SocketPath);
        var resets = server.Handler.Resets;
        Post(machine, 3);
        Assert.True(server.Handler.WaitHeld(3));

        machine.Frontend.ResetDevice(acknowledge: true);

        Assert.Equal(resets + 1, server.Handler.Resets);
        server.Handler.Holds = false;
        machine.ResetQueues();
        machine.Start();
        EchoServer.AssertEchoes(machine);
    }

    [Fact]
    public void Reset_with_requests_that_cannot_be_cancelled_holds_the_new_session_back_until_they_end()
    {
        using var server = new EchoServer(s_short);
        var stuck = new BlockingCollection<TransportRequest>();
        using var machine = VirtualMachine.Boot(server.SocketPath);
        var resets = server.Handler.Resets;
        server.Handler.Defer = stuck.Add;
        Post(machine, 1);
        var request = TakeFrom(stuck);
        server.Handler.Defer = null;

        machine.Frontend.ResetDevice(acknowledge: true);
        Assert.Equal(resets, server.Handler.Resets);
        machine.ResetQueues();
        machine.Start();
        Post(machine, 1);
        Assert.False(machine.Queues[1].WaitUsed(s_short));

        request.BytesWritten = 8;
        request.Complete();

        Assert.True(machine.Queues[1].WaitUsed(s_patience));
        Assert.Equal(resets + 1, server.Handler.Resets);
        // The one entry is the second request's; the first one's answer was dropped.
        Assert.Equal(1, machine.Queues[1].DeviceUsedIndex);
    }

    [Fact]
    public void Queue_stopped_with_a_request_in_flight_is_not_written_when_that_ends()
    {
        using var server = new EchoServer(s_short);
        var stuck = new BlockingCollection<TransportRequest>();
        using var machine = VirtualMachine.Boot(server.SocketPath);
        server.Handler.Defer = stuck.Add;
        Post(machine, 1);
        var request = TakeFrom(stuck);

        Assert.Equal(1u, machine.Frontend.GetVringBase(1));
        request.BytesWritten = 8;
        request.Complete();

        // The queue's thread ends when its last request is finished, and does nothing after that line.
        Assert.True(server.Logger.WaitFor("Queue 1 has ended", s_patience), server.Logger.Text);
        Assert.Equal(0, machine.Queues[1].DeviceUsedIndex);
        Assert.Equal(0ul, machine.Queues[1].Call.Take());
    }

    [Fact]
    public void Removing_memory_waits_for_the_request_that_points_into_it_and_no_other()
    {
        using var server = new EchoServer();
        server.Handler.Holds = true;
        using var machine = VirtualMachine.Boot(server.SocketPath);
        var used = machine.Memory.Add(new MemoryLayout(1UL << 40, 1 << 20));
        var unused = machine.Memory.Add(new MemoryLayout(2UL << 40, 1 << 20));
        machine.Frontend.AddMemoryRegion(used, acknowledge: true);
        machine.Frontend.AddMemoryRegion(unused, acknowledge: true);
        Assert.True(machine.Queues[1].TryAdd([new GuestSegment(1UL << 40, 8)], [new GuestSegment((1UL << 40) + 4096, 8)], 0, out _));
        machine.Queues[1].PublishAndNotify();
        Assert.True(server.Handler.WaitHeld(1));

        machine.Frontend.RemoveMemoryRegion(unused, acknowledge: true);
        var removal = new Thread(() => machine.Frontend.RemoveMemoryRegion(used, acknowledge: true));
        removal.Start();
        Assert.False(removal.Join(s_short));
        server.Handler.Release();

        Assert.True(removal.Join(s_patience));
        Assert.True(machine.Queues[1].WaitUsed(s_patience));
    }

    [Fact]
    public void Removing_memory_that_stays_in_use_is_refused_in_the_end_and_the_request_still_finds_it()
    {
        using var server = new EchoServer(s_short);
        server.Handler.Holds = true;
        using var machine = VirtualMachine.Boot(server.SocketPath);
        var region = machine.Memory.Add(new MemoryLayout(1UL << 40, 1 << 20));
        machine.Frontend.AddMemoryRegion(region, acknowledge: true);
        Assert.True(machine.Queues[1].TryAdd([new GuestSegment(1UL << 40, 8)], [new GuestSegment((1UL << 40) + 4096, 8)], 0, out _));
        machine.Queues[1].PublishAndNotify();
        Assert.True(server.Handler.WaitHeld(1));

        Assert.Throws<VhostUserProtocolException>(() => machine.Frontend.RemoveMemoryRegion(region, acknowledge: true));
        server.Handler.Release();

        Assert.True(machine.Queues[1].WaitUsed(s_patience));
    }

    [Fact]
    public void Adding_memory_never_waits()
    {
        using var server = new EchoServer();
        server.Handler.Holds = true;
        using var machine = VirtualMachine.Boot(server.SocketPath);
        Post(machine, 4);
        Assert.True(server.Handler.WaitHeld(4));

        for (var i = 1UL; i < 100; i++)
            machine.Frontend.AddMemoryRegion(machine.Memory.Add(new MemoryLayout(i << 40, 1 << 20)), acknowledge: true);

        server.Handler.Release();
        Assert.True(machine.Queues[1].WaitUsed(s_patience));
    }

    [Fact]
    public void Logging_begins_with_requests_that_were_taken_before()
    {
        using var server = new EchoServer();
        server.Handler.Holds = true;
        using var machine = VirtualMachine.Boot(server.SocketPath);
        var buffer = Post(machine, 1);
        Assert.True(server.Handler.WaitHeld(1));

        var log = machine.StartLogging();
        server.Handler.Release();

        Assert.True(machine.Queues[1].WaitUsed(s_patience));
        machine.Stop();
        Assert.True(log.IsDirty(buffer + 4096));
        Assert.True(log.IsDirty(machine.Queues[1].UsedRing));
        Assert.False(log.IsDirty(buffer));
    }

    [Fact]
    public void Ring_larger_than_its_inflight_records_is_not_started()
    {
        using var server = new EchoServer();
        using var machine = new VirtualMachine();
        using var frontend = server.Connect();
        using var area = frontend.GetInflight(2, 64);
        frontend.SetInflight(area, acknowledge: true);
        frontend.SetMemoryTable(machine.Memory.Regions, acknowledge: true);
        frontend.SetVringSize(1, 128, acknowledge: true);
        frontend.SetVringAddress(machine.AddressOf(machine.Queues[1]), acknowledge: true);
        frontend.SetVringKick(1, machine.Queues[1].Kick.Fd, acknowledge: true);

        Assert.Throws<VhostUserProtocolException>(() => frontend.EnableVring(1, true, acknowledge: true));
    }

    [Fact]
    public void Protocol_features_that_were_offered_are_accepted_though_the_handler_changed_since()
    {
        using var server = new EchoServer();
        using var frontend = VhostUserFrontend.Connect(server.SocketPath);
        _ = frontend.GetFeatures();
        var offered = frontend.GetProtocolFeatures();
        server.Handler.Replayable = false;

        frontend.SetProtocolFeatures(offered);

        Assert.Equal(offered, frontend.GetProtocolFeatures());
    }

    [Fact]
    public void Rings_start_enabled_where_protocol_features_were_not_agreed()
    {
        using var server = new EchoServer();
        using var machine = new VirtualMachine();
        using var frontend = VhostUserFrontend.Connect(server.SocketPath);
        frontend.SetFeatures(VirtioFeatures.Version1);
        frontend.SetMemoryTable(machine.Memory.Regions);
        var queue = machine.Queues[1];
        frontend.SetVringSize(1, queue.Size);
        frontend.SetVringAddress(machine.AddressOf(queue));
        frontend.SetVringCall(1, queue.Call.Fd);
        frontend.SetVringKick(1, queue.Kick.Fd);
        var buffer = machine.Memory.Allocate(64);
        queue.WriteDescriptor(0, new Driver.Queues.Descriptor { Address = buffer, Length = 8 });
        queue.PostRaw(0);

        Assert.True(queue.WaitDeviceUsedIndex(1, s_patience));
    }

    /// <summary>Requests of 8 bytes each, with their replies a page further. Returns the buffer's guest address.</summary>
    static ulong Post(VirtualMachine machine, int count)
    {
        var buffer = machine.Memory.Allocate(8192, 4096);
        for (var i = 0u; i < count; i++)
            Assert.True(machine.Queues[1].TryAdd([new GuestSegment(buffer + (i * 8), 8)], [new GuestSegment(buffer + 4096 + (i * 8), 8)], (int)i, out _));
        machine.Queues[1].PublishAndNotify();
        return buffer;
    }

    static TransportRequest TakeFrom(BlockingCollection<TransportRequest> requests)
    {
        Assert.True(requests.TryTake(out var request, s_patience));
        return request!;
    }
}
