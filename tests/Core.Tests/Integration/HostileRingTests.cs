using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>
/// Rings that a hostile guest has written. A queue that is broken says so on its error eventfd and takes nothing more; other
/// queues, the connection and the server go on, and a reset makes the queue good again.
/// </summary>
public sealed class HostileRingTests : IDisposable
{
    const ushort Size = 64;

    readonly MemoryFileSystem _files = new();
    readonly ServerHost _host;

    public HostileRingTests()
    {
        _files.AddFile("file", "content");
        _host = new ServerHost(_files, new ServerHostOptions { Relisten = true });
    }

    public void Dispose() => _host.Dispose();

    VirtualMachine Mount(bool indirect = true) => _host.Mount(new VirtualMachineOptions
    {
        RequestQueues = 2, QueueSize = Size, Indirect = indirect, Depth = 4, DataCapacity = 4096,
        // A gap between the regions, so that a buffer can run into it.
        Memory = [new MemoryLayout(0, 4 << 20), new MemoryLayout(1UL << 32, 4 << 20)],
    });

    /// <summary>Two buffers that make a good GETATTR.</summary>
    static (GuestSegment Request, GuestSegment Reply) Good(VirtualMachine machine)
    {
        var request = machine.Fuse.BeginGetAttr(FuseClient.Root);
        machine.Fuse.Requests.Seal(request);
        return (new GuestSegment(request.RequestAddress, (uint)request.RequestLength), new GuestSegment(request.ReplyAddress, (uint)request.ReplyRoom));
    }

    static Descriptor Describe(GuestSegment segment, DescriptorFlags flags, ushort next = 0) =>
        new() { Address = segment.Address, Length = segment.Length, Flags = flags, Next = next };

    static void AssertBrokenAloneAndMended(VirtualMachine machine)
    {
        Assert.True(machine.Queues[1].Error.Wait(TimeSpan.FromSeconds(20)), "The queue's error was not reported.");
        Assert.Equal(0, machine.Clients[1].GetAttr(FuseClient.Root).Error);
        machine.Stop();
        machine.ResetQueues();
        machine.Start();
        machine.MountSession();
        Assert.Equal("content"u8, machine.Fuse.ReadFile("file"));
    }

    public static TheoryData<string> BrokenChains { get; } =
    [
        "next loops", "next is past the table", "head is past the table", "address is in no region", "address and length wrap",
        "buffer runs into a gap", "buffer runs past the end of memory", "readable after writable", "more than 4 GiB in all",
    ];

    [Theory]
    [MemberData(nameof(BrokenChains))]
    public void A_broken_chain_breaks_its_queue_alone(string kind)
    {
        using var machine = Mount();
        var queue = machine.Queues[1];
        var (request, reply) = Good(machine);
        var end = machine.Memory.Regions[0].Size;
        const DescriptorFlags Next = DescriptorFlags.Next;
        const DescriptorFlags Write = DescriptorFlags.Write;
        ushort head = 0;
        queue.WriteDescriptor(0, Describe(request, Next, 1));
        queue.WriteDescriptor(1, Describe(reply, Write));
        switch (kind)
        {
            case "next loops":
                queue.WriteDescriptor(1, Describe(request, Next, 0));
                break;
            case "next is past the table":
                queue.WriteDescriptor(0, Describe(request, Next, Size));
                break;
            case "head is past the table":
                head = Size;
                break;
            case "address is in no region":
                queue.WriteDescriptor(1, Describe(reply with { Address = 1UL << 40 }, Write));
                break;
            case "address and length wrap":
                queue.WriteDescriptor(1, Describe(new GuestSegment(ulong.MaxValue - 10, 100), Write));
                break;
            case "buffer runs into a gap":
                queue.WriteDescriptor(1, Describe(new GuestSegment(end - 50, 120), Write));
                break;
            case "buffer runs past the end of memory":
                queue.WriteDescriptor(1, Describe(new GuestSegment((1UL << 32) + end - 50, 120), Write));
                break;
            case "readable after writable":
                queue.WriteDescriptor(0, Describe(reply, Write | Next, 1));
                queue.WriteDescriptor(1, Describe(request, DescriptorFlags.None));
                break;
            case "more than 4 GiB in all":
                for (ushort i = 0; i < 32; i++)
                    queue.WriteDescriptor(i, Describe(new GuestSegment(0, uint.MaxValue), Next, (ushort)(i + 1)));
                break;
        }
        var before = new MemorySnapshot(machine.Memory);

        queue.PostRaw(head);

        Assert.True(queue.Error.Wait(TimeSpan.FromSeconds(20)));
        queue.Error.Signal();
        Assert.Empty(before.ChangesOutside(
            new GuestSegment(queue.UsedRing, (uint)queue.UsedRingSize), new GuestSegment(queue.AvailableRing, 6 + Size * 2)));
        AssertBrokenAloneAndMended(machine);
    }

    public static TheoryData<string> BrokenTables { get; } =
    [
        "table in a table", "length is no multiple", "length is zero", "longer than the queue", "table in no region", "table with next",
        "next is past the table", "loop in the table", "chain on after the table",
    ];

    [Theory]
    [MemberData(nameof(BrokenTables))]
    public void A_broken_indirect_table_breaks_its_queue_alone(string kind)
    {
        using var machine = Mount();
        var queue = machine.Queues[1];
        var (request, reply) = Good(machine);
        var table = machine.Memory.Allocate(16 * 1024, 16);
        machine.Memory.Write(table, Describe(request, DescriptorFlags.Next, 1));
        machine.Memory.Write(table + 16, Describe(reply, DescriptorFlags.Write));
        var pointer = Describe(new GuestSegment(table, 32), DescriptorFlags.Indirect);
        switch (kind)
        {
            case "table in a table":
                machine.Memory.Write(table + 16, Describe(new GuestSegment(table, 32), DescriptorFlags.Indirect));
                break;
            case "length is no multiple":
                pointer.Length = 31;
                break;
            case "length is zero":
                pointer.Length = 0;
                break;
            case "longer than the queue":
                for (ushort i = 0; i < 200; i++)
                    machine.Memory.Write(table + i * 16UL, Describe(request with { Length = 1 }, DescriptorFlags.Next, (ushort)(i + 1)));
                pointer.Length = 200 * 16;
                break;
            case "table in no region":
                pointer.Address = 1UL << 40;
                break;
            case "table with next":
                pointer.Flags |= DescriptorFlags.Next;
                pointer.Next = 1;
                break;
            case "next is past the table":
                machine.Memory.Write(table, Describe(request, DescriptorFlags.Next, 2));
                break;
            case "loop in the table":
                machine.Memory.Write(table + 16, Describe(request, DescriptorFlags.Next, 0));
                break;
            case "chain on after the table":
                machine.Memory.Write(table + 16, Describe(reply, DescriptorFlags.Write | DescriptorFlags.Next, 40));
                break;
        }

        queue.WriteDescriptor(0, pointer);
        queue.PostRaw(0);

        AssertBrokenAloneAndMended(machine);
    }

    [Fact]
    public void An_indirect_descriptor_that_was_not_agreed_breaks_the_queue()
    {
        using var machine = Mount(indirect: false);
        var (request, reply) = Good(machine);
        var table = machine.Memory.Allocate(32, 16);
        machine.Memory.Write(table, Describe(request, DescriptorFlags.Next, 1));
        machine.Memory.Write(table + 16, Describe(reply, DescriptorFlags.Write));

        machine.Queues[1].WriteDescriptor(0, Describe(new GuestSegment(table, 32), DescriptorFlags.Indirect));
        machine.Queues[1].PostRaw(0);

        AssertBrokenAloneAndMended(machine);
    }

    [Fact]
    public void An_available_index_that_jumps_breaks_the_queue()
    {
        using var machine = Mount();

        machine.Queues[1].WriteAvailableIndex((ushort)(machine.Queues[1].AvailableIndex + Size + 1));

        AssertBrokenAloneAndMended(machine);
    }

    [Fact]
    public void An_available_index_that_goes_back_breaks_the_queue()
    {
        using var machine = Mount();
        Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);

        machine.Queues[1].WriteAvailableIndex((ushort)(machine.Queues[1].AvailableIndex - 1));

        AssertBrokenAloneAndMended(machine);
    }

    [Fact]
    public void A_head_that_is_posted_again_and_again_is_bounded()
    {
        using var machine = Mount();
        using var gate = _files.Hold(MemoryOperation.GetAttributes);
        var queue = machine.Queues[1];
        var (request, reply) = Good(machine);
        queue.WriteDescriptor(0, Describe(request, DescriptorFlags.Next, 1));
        queue.WriteDescriptor(1, Describe(reply, DescriptorFlags.Write));

        // A queue of 64 cannot have more than 64 requests outstanding, whatever the guest says.
        for (var i = 0; i < Size; i++)
            queue.PostRaw(0);
        gate.WaitForArrivals(Size);
        for (var i = 0; i < Size; i++)
            queue.PostRaw(0);

        Assert.True(queue.Error.Wait(TimeSpan.FromSeconds(20)));
        queue.Error.Signal();
        Assert.Equal(Size, gate.HeldCount);
        gate.Open();
        _files.Intercept(MemoryOperation.GetAttributes, null);
        AssertBrokenAloneAndMended(machine);
    }

    [Fact]
    public void Empty_descriptors_are_passed_over()
    {
        using var machine = Mount();
        var queue = machine.Queues[1];
        var (request, reply) = Good(machine);
        queue.WriteDescriptor(0, Describe(new GuestSegment(request.Address, 0), DescriptorFlags.Next, 1));
        queue.WriteDescriptor(1, Describe(request, DescriptorFlags.Next, 2));
        queue.WriteDescriptor(2, Describe(new GuestSegment(reply.Address, 0), DescriptorFlags.Next | DescriptorFlags.Write, 3));
        queue.WriteDescriptor(3, Describe(reply, DescriptorFlags.Write));
        var position = queue.DeviceUsedIndex;

        queue.PostRaw(0);

        Assert.True(queue.WaitDeviceUsedIndex((ushort)(position + 1), TimeSpan.FromSeconds(20)));
        Assert.Equal((0u, reply.Length), queue.ReadUsedEntry(position));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_chain_of_one_direction_is_given_back(bool writable)
    {
        using var machine = Mount();
        var queue = machine.Queues[1];
        var (request, _) = Good(machine);
        queue.WriteDescriptor(0, Describe(request, writable ? DescriptorFlags.Write : DescriptorFlags.None));
        var position = queue.DeviceUsedIndex;

        queue.PostRaw(0);

        Assert.True(queue.WaitDeviceUsedIndex((ushort)(position + 1), TimeSpan.FromSeconds(20)));
        Assert.True(queue.ReadUsedEntry(position).Length <= FuseRequest.ReplyHeaderSize);
        Assert.Equal(0, machine.Clients[1].GetAttr(FuseClient.Root).Error);
    }

    [Fact]
    public void A_chain_as_long_as_the_queue_is_served()
    {
        using var machine = Mount(indirect: false);
        var queue = machine.Queues[1];
        var (request, reply) = Good(machine);
        // 56 bytes of request, byte by byte, and the reply in 8 pieces.
        for (ushort i = 0; i < 56; i++)
            queue.WriteDescriptor(i, Describe(new GuestSegment(request.Address + i, 1), DescriptorFlags.Next, (ushort)(i + 1)));
        for (ushort i = 0; i < 8; i++)
        {
            var length = reply.Length / 8;
            queue.WriteDescriptor(
                56 + i,
                Describe(
                    new GuestSegment(reply.Address + i * length, length),
                    DescriptorFlags.Write | (i < 7 ? DescriptorFlags.Next : 0), (ushort)(57 + i)));
        }
        var position = queue.DeviceUsedIndex;

        queue.PostRaw(0);

        Assert.True(queue.WaitDeviceUsedIndex((ushort)(position + 1), TimeSpan.FromSeconds(20)));
        Assert.Equal((0u, reply.Length), queue.ReadUsedEntry(position));
        Assert.Equal(0, machine.Memory.Read<int>(reply.Address + 4));
    }

    [Fact]
    public void A_guest_that_rewrites_its_requests_meanwhile_harms_nobody()
    {
        using var machine = Mount();
        var queue = machine.Fuse.Requests;
        var done = false;
        var request = machine.Fuse.Begin(FuseOpcode.Lookup, FuseClient.Root, 200).AppendName("file"u8);
        queue.Seal(request);
        // As soon as a header has been checked, it says something else: opcode, length, name.
        var scribbler = new Thread(() =>
        {
            var random = new Random(9);
            while (!Volatile.Read(ref done))
            {
                var raw = request.RawRequest;
                raw[random.Next(0, 8)] = (byte)random.Next(0, 60);
                raw[4] = (byte)random.Next(0, 54);
                raw[0] = (byte)random.Next(30, 60);
                raw[random.Next(40, 50)] = (byte)random.Next(0, 255);
            }
        });
        scribbler.Start();
        for (var i = 0; i < 20_000; i++)
        {
            queue.PostAsIs(request);
            queue.Notify();
            queue.WaitFor(request);
            Assert.True(request.ReplyLength <= request.ReplyRoom);
        }
        Volatile.Write(ref done, true);
        scribbler.Join();

        if (!_host.Session.IsInitialised)
            machine.MountSession();
        Assert.Equal(0, machine.Clients[1].GetAttr(FuseClient.Root).Error);
    }

    [Fact]
    public void Random_rings_end_no_server()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using (var machine = Mount(indirect: seed % 2 == 0))
            {
                var queue = machine.Queues[1];
                var (request, _) = Good(machine);
                for (var i = 0; i < Size; i++)
                    queue.WriteDescriptor(i, new Descriptor
                    {
                        // Mostly within memory: into the rings themselves, tables, requests.
                        Address = random.Next(8) == 0 ? (ulong)random.NextInt64() : random.Next(3) == 0 ? request.Address : (ulong)random.Next(0, 4 << 20),
                        Length = (uint)(random.Next(8) == 0 ? random.Next() : random.Next(5) * 16 + 16),
                        Flags = (DescriptorFlags)random.Next(0, 8),
                        Next = (ushort)random.Next(0, Size + 2),
                    });
                for (var i = 0; i < 30; i++)
                    queue.WriteAvailableEntry((ushort)(queue.AvailableIndex + i), (ushort)random.Next(0, Size));
                queue.WriteAvailableIndex((ushort)(queue.AvailableIndex + 30));
                machine.Frontend.GetVringBase(1);
                Assert.NotEqual(0UL, (ulong)machine.Frontend.GetFeatures());
            }
            _host.WaitListening();
        }
        using var last = Mount();
        Assert.Equal("content"u8, last.Fuse.ReadFile("file"));
    }

    [Fact]
    public void Rings_that_lie_over_each_other_end_no_server()
    {
        using (var machine = Mount())
        {
            machine.Stop();
            machine.ResetQueues();
            machine.Start();
            machine.Frontend.GetVringBase(1);
            var address = machine.AddressOf(machine.Queues[1]);
            machine.Frontend.SetVringAddress(address with { Used = address.Descriptors, Available = address.Descriptors }, acknowledge: true);
            machine.Frontend.SetVringKick(1, machine.Queues[1].Kick.Fd, acknowledge: true);
            machine.Frontend.EnableVring(1, true, acknowledge: true);
            machine.Queues[1].WriteAvailableIndex(3);
            Assert.NotEqual(0UL, (ulong)machine.Frontend.GetFeatures());
        }
        _host.WaitListening();
        using var next = Mount();
        Assert.Equal("content"u8, next.Fuse.ReadFile("file"));
    }
}
