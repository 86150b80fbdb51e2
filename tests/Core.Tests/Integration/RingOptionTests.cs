using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Indirect descriptors and event indexes, on and off, with chains of every shape.</summary>
public sealed class RingOptionTests
{
    public static TheoryData<bool, bool> Options { get; } = new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Options))]
    public void Every_chain_shape_carries_every_byte(bool indirect, bool eventIndex)
    {
        var content = new byte[300_001];
        new Random(4).NextBytes(content);
        var files = new MemoryFileSystem();
        files.AddFile("data", content);
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { Indirect = indirect, EventIndex = eventIndex });

        foreach (var shape in new[] { ChainShape.Whole, ChainShape.HeaderApart, ChainShape.Pages, ChainShape.Random(1), ChainShape.Random(2, 60) })
        {
            machine.Fuse.Requests.Shape = shape;
            Assert.Equal(content, machine.Fuse.ReadFile("data"));
            machine.Fuse.WriteFile(FuseClient.Root, "copy"u8, content);
            Assert.Equal(content, files.ReadContent("copy"));
            Assert.Equal(0, machine.Fuse.Unlink(FuseClient.Root, "copy"u8));
        }
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void Indexes_wrap_around(bool indirect, bool eventIndex)
    {
        using var host = new ServerHost(new MemoryFileSystem());
        using var machine = host.Mount(new VirtualMachineOptions { Indirect = indirect, EventIndex = eventIndex, Depth = 32 });
        var queue = machine.Fuse.Requests;

        // More than 65536 requests, in batches.
        var batch = new FuseRequest[32];
        for (var round = 0; round < 2100; round++)
        {
            for (var i = 0; i < batch.Length; i++)
                queue.Post(batch[i] = machine.Fuse.BeginGetAttr(FuseClient.Root));
            queue.Notify();
            foreach (var request in batch)
            {
                queue.WaitFor(request);
                FuseQueue.Check(request);
                Assert.Equal(0, request.Error);
                queue.Return(request);
            }
        }
        Assert.Equal(0, machine.Queues[1].Outstanding);
    }

    [Fact]
    public void The_driver_is_called_once_where_it_asked_to_be()
    {
        using var host = new ServerHost(new MemoryFileSystem());
        using var machine = host.Mount(new VirtualMachineOptions { Depth = 100, QueueSize = 256 });
        var (requests, queue) = (machine.Fuse.Requests, machine.Queues[1]);
        for (var round = 0; round < 50; round++)
        {
            var batch = new FuseRequest[100];
            for (var i = 0; i < batch.Length; i++)
                requests.Post(batch[i] = machine.Fuse.BeginGetAttr(FuseClient.Root));
            queue.ArmCallAt((ushort)(queue.UsedIndex + batch.Length - 1));
            _ = queue.Call.Take();

            requests.Notify();

            Assert.True(SpinWait.SpinUntil(() => queue.DeviceUsedIndex == (ushort)(queue.UsedIndex + batch.Length), TimeSpan.FromSeconds(20)));
            Assert.Equal(1UL, queue.Call.WaitCount(TimeSpan.FromSeconds(20)));
            foreach (var request in batch)
            {
                requests.WaitFor(request);
                requests.Return(request);
            }
        }
    }

    [Fact]
    public void The_driver_that_asked_not_to_be_called_is_not()
    {
        using var host = new ServerHost(new MemoryFileSystem());
        using var machine = host.Mount(new VirtualMachineOptions { EventIndex = false });
        var (requests, queue) = (machine.Fuse.Requests, machine.Queues[1]);
        var request = machine.Fuse.BeginGetAttr(FuseClient.Root);
        requests.Post(request);
        queue.DisarmCall();
        _ = queue.Call.Take();

        requests.Notify();
        Assert.True(SpinWait.SpinUntil(() => requests.Poll() is not null, TimeSpan.FromSeconds(20)));
        // Answered after that request, and so after its notification would have been sent.
        machine.Frontend.GetVringBase(1);

        Assert.Equal(0UL, queue.Call.Take());
    }

    [Fact]
    public void Device_writes_nothing_outside_of_the_posted_buffers()
    {
        var content = new byte[50_000];
        new Random(5).NextBytes(content);
        var files = new MemoryFileSystem();
        var node = files.AddFile("data", content);
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { Depth = 4, QueueSize = 64 });
        machine.Fuse.Requests.Shape = ChainShape.Random(6, 20);
        _ = machine.Fuse.Lookup(FuseClient.Root, "data"u8).Value;
        var handle = machine.Fuse.Open(node).Value.Fh;
        var request = machine.Fuse.BeginRead(node, handle, 0, content.Length - 7);
        machine.Fuse.Requests.Post(request);
        machine.Queues[1].Publish();
        var before = new MemorySnapshot(machine.Memory);

        machine.Queues[1].Kick.Signal();
        machine.Fuse.Requests.WaitFor(request);

        Assert.Equal(content[..^7], request.Body.ToArray());
        Assert.Empty(before.ChangesOutside(
            new GuestSegment(request.ReplyAddress, (uint)request.ReplyRoom),
            new GuestSegment(machine.Queues[1].UsedRing, (uint)machine.Queues[1].UsedRingSize),
            // The event index that the driver itself wrote while it waited.
            new GuestSegment(machine.Queues[1].AvailableRing + 4 + 64 * 2, 2)));
    }

    [Fact]
    public void Buffers_on_both_sides_of_the_hole_are_reached()
    {
        var content = new byte[90_000];
        new Random(7).NextBytes(content);
        var files = new MemoryFileSystem();
        files.AddFile("data", content);
        using var host = new ServerHost(files);
        // Queues in the low region, buffers above 4 GiB at an offset in their file.
        using var machine = host.Mount(new VirtualMachineOptions { Memory = MemoryLayout.WithHole(4 << 20, 64 << 20) });

        Assert.Equal(content, machine.Fuse.ReadFile("data"));
    }

    [Fact]
    public void A_megabyte_is_written_and_read_in_one_request()
    {
        var content = new byte[1 << 20];
        new Random(8).NextBytes(content);
        var files = new MemoryFileSystem();
        files.AddFile("empty", "");
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { QueueSize = 1024, DataCapacity = 1 << 20, Depth = 2 });
        machine.Fuse.Requests.Shape = ChainShape.Pages;
        Assert.True(machine.Fuse.Session.MaxWrite >= 1 << 20);
        var node = machine.Fuse.Walk("empty").NodeId;
        var handle = machine.Fuse.Open(node, 2).Value.Fh;

        Assert.Equal((uint)content.Length, machine.Fuse.Write(node, handle, 0, content).Value.Size);
        Assert.Equal(content, machine.Fuse.Read(node, handle, 0, content.Length).Value);
    }
}
