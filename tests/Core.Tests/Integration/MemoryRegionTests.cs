using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Memory that comes and goes while requests run.</summary>
public sealed class MemoryRegionTests
{
    const ulong Plugged = 8UL << 30;

    static MemoryFileSystem Files()
    {
        var files = new MemoryFileSystem();
        files.AddFile("file", new string('x', 50_000));
        return files;
    }

    /// <summary>A READ whose reply goes to a place outside of the queue's own buffers. Returns its head.</summary>
    static ushort PostRead(VirtualMachine machine, ulong node, ulong handle, GuestSegment reply)
    {
        var request = machine.Fuse.BeginRead(node, handle, 0, (int)reply.Length - FuseRequest.ReplyHeaderSize);
        machine.Fuse.Requests.Seal(request);
        Assert.True(machine.Queues[1].TryAdd(
            [new GuestSegment(request.RequestAddress, (uint)request.RequestLength)], [reply], 0, out var head));
        machine.Queues[1].PublishAndNotify();
        return head;
    }

    static UsedEntry Take(VirtualMachine machine)
    {
        Assert.True(machine.Queues[1].WaitUsed(TimeSpan.FromSeconds(20)));
        Assert.True(machine.Queues[1].TryTake(out var entry));
        return entry;
    }

    [Fact]
    public void A_region_that_is_added_can_be_used_at_once()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;

        machine.Memory.Add(new MemoryLayout(Plugged, 1 << 20, 4096));
        machine.AnnounceMemory();
        PostRead(machine, node, handle, new GuestSegment(Plugged + 12345, 40_000));

        Assert.Equal(40_000u, Take(machine).Length);
        Assert.True(machine.Memory.Span(Plugged + 12345 + 16, 39_984).IndexOfAnyExcept((byte)'x') < 0);
        Assert.Equal(0, machine.Memory.Read<byte>(Plugged + 12344));
        Assert.Equal(0, machine.Memory.Read<byte>(Plugged + 12345 + 40_000));
    }

    [Fact]
    public void A_buffer_may_lie_across_two_regions_that_touch()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;
        machine.Memory.Add(new MemoryLayout(Plugged, 1 << 20));
        machine.Memory.Add(new MemoryLayout(Plugged + (1 << 20), 1 << 20));
        machine.AnnounceMemory();

        PostRead(machine, node, handle, new GuestSegment(Plugged + (1 << 20) - 1000, 2000));

        Assert.Equal(2000u, Take(machine).Length);
        Assert.True(machine.Memory.Span(Plugged + (1 << 20) - 1000 + 16, 984).IndexOfAnyExcept((byte)'x') < 0);
        Assert.True(machine.Memory.Span(Plugged + (1 << 20), 1000).IndexOfAnyExcept((byte)'x') < 0);
    }

    [Fact]
    public void A_region_that_is_removed_is_no_longer_reached()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 2 });
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;
        var region = machine.Memory.Add(new MemoryLayout(Plugged, 1 << 20));
        machine.AnnounceMemory();
        machine.Frontend.RemoveMemoryRegion(region, acknowledge: true);

        PostRead(machine, node, handle, new GuestSegment(Plugged, 4096));

        // The chain points nowhere: the queue is broken and says so; others go on.
        Assert.True(machine.Queues[1].Error.Wait(TimeSpan.FromSeconds(20)));
        Assert.True(machine.Memory.Span(Plugged, 4096).IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(0, machine.Clients[1].GetAttr(FuseClient.Root).Error);
    }

    [Fact]
    public async Task Removing_a_region_waits_for_requests_that_point_into_it_and_for_no_others()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount();
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;
        var used = machine.Memory.Add(new MemoryLayout(Plugged, 1 << 20));
        var unused = machine.Memory.Add(new MemoryLayout(Plugged * 2, 1 << 20));
        machine.AnnounceMemory();
        using var gate = files.Hold(MemoryOperation.Read);
        PostRead(machine, node, handle, new GuestSegment(Plugged, 4096));
        gate.WaitForArrivals();

        machine.Frontend.RemoveMemoryRegion(unused, acknowledge: true);
        var removed = Task.Run(() => machine.Frontend.RemoveMemoryRegion(used, acknowledge: true));
        Assert.NotSame(removed, await Task.WhenAny(removed, Task.Delay(100)));
        gate.Open();
        await removed;

        Assert.Equal(4096u, Take(machine).Length);
        Assert.Equal((byte)'x', machine.Memory.Read<byte>(Plugged + 100));
    }

    [Fact]
    public void Memory_changes_under_load_disturb_no_request()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 2 });
        var done = false;
        Exception? failure = null;
        var guest = new Thread(() =>
        {
            try
            {
                while (!Volatile.Read(ref done))
                    Assert.Equal(50_000, machine.Clients[1].ReadFile("file").Length);
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        guest.Start();

        var region = new GuestRegion(new MemoryLayout(Plugged, 1 << 20), 0x6000_0000_0000);
        for (var i = 0; i < 300; i++)
        {
            machine.Frontend.AddMemoryRegion(region, acknowledge: true);
            machine.Frontend.RemoveMemoryRegion(region, acknowledge: true, withDescriptor: i % 2 == 0);
        }
        region.Dispose();
        Volatile.Write(ref done, true);
        guest.Join();

        Assert.Null(failure);
    }

    [Fact]
    public void All_slots_can_be_filled_and_no_more()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        var regions = new List<GuestRegion>();
        for (var i = 1; i < 509; i++)
        {
            regions.Add(new GuestRegion(new MemoryLayout(Plugged + (ulong)i * 8192, 4096), 0x6000_0000_0000 + (ulong)i * 8192));
            machine.Frontend.AddMemoryRegion(regions[^1], acknowledge: true);
        }

        using var surplus = new GuestRegion(new MemoryLayout(Plugged * 2, 4096), 0x6100_0000_0000);
        Assert.Throws<VhostUserProtocolException>(() => machine.Frontend.AddMemoryRegion(surplus, acknowledge: true));

        Assert.Equal(50_000, machine.Fuse.ReadFile("file").Length);
        foreach (var region in regions)
        {
            machine.Frontend.RemoveMemoryRegion(region, acknowledge: true);
            region.Dispose();
        }
        Assert.Equal(50_000, machine.Fuse.ReadFile("file").Length);
    }

    [Fact]
    public void A_table_replaces_the_one_before()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount(new VirtualMachineOptions { Profile = VmmProfile.Qemu72 });
        machine.Memory.Add(new MemoryLayout(Plugged, 1 << 20));

        machine.Frontend.SetMemoryTable(machine.Memory.Regions, acknowledge: true);
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;
        PostRead(machine, node, handle, new GuestSegment(Plugged, 4096));

        Assert.Equal(4096u, Take(machine).Length);
    }

    [Fact]
    public void Regions_that_overlap_exceed_their_file_or_wrap_are_refused()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        var own = machine.Memory.Regions[0];
        using var region = new GuestRegion(new MemoryLayout(Plugged, 1 << 20), 0x6000_0000_0000);
        var good = new MemoryRegion { GuestAddress = Plugged, Size = 1 << 20, UserAddress = 0x6000_0000_0000 };

        foreach (var bad in new[]
        {
            good with { GuestAddress = own.GuestAddress + own.Size - 4096 },
            good with { UserAddress = own.UserAddress + own.Size - 4096 },
            good with { Size = 2 << 20 },
            good with { MapOffset = 4096 },
            good with { MapOffset = ulong.MaxValue - 4095 },
            good with { MapOffset = 1UL << 63 },
            good with { Size = 0 },
            good with { Size = ulong.MaxValue },
            good with { GuestAddress = ulong.MaxValue - 4095 },
            good with { UserAddress = ulong.MaxValue - 4095 },
        })
        {
            Assert.Throws<VhostUserProtocolException>(
                () => machine.Frontend.Tell(VhostUserRequest.AddMemReg, new SingleMemoryRegion { Region = bad }, true, region.Fd));
        }

        machine.Frontend.AddMemoryRegion(region, acknowledge: true);
        Assert.Equal(50_000, machine.Fuse.ReadFile("file").Length);
    }
}
