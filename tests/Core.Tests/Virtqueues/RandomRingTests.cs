using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Transport;
using VirtioFsStore.Core.Virtqueues;
using Xunit;
using Descriptor = VirtioFsStore.Driver.Queues.Descriptor;
using Flags = VirtioFsStore.Driver.Queues.DescriptorFlags;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>Descriptors by chance: whatever a guest writes, a handler only gets ranges that lie in the guest's memory.</summary>
public sealed unsafe class RandomRingTests
{
    const ushort Size = 16;
    const ulong Table = 0x20_0000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Chains_by_chance_are_refused_or_lie_in_memory(int seed)
    {
        const int Chains = 20_000;
        var random = new Random(seed);
        using var harness = new RingHarness(Size);
        using var chains = new ChainReader(Size, indirectAllowed: true);
        using var request = new QueuedRequest(new EchoHandler().CreateRequest(0), 0, null!);
        var seen = new HashSet<RingFault>();
        for (var i = 0; i < Chains; i++)
        {
            for (var index = 0; index < Size; index++)
            {
                harness.Queue.WriteDescriptor(index, Draw(random));
                harness.Guest.Write(Table + ((ulong)index * 16), Draw(random));
            }

            var fault = chains.Read(harness.Memory, harness.Ring, (ushort)random.Next(Size), request);

            seen.Add(fault);
            if (fault == RingFault.None)
                AssertInMemory(request.Request, harness.Memory);
        }
        // The cases that chance reaches; the others have tests of their own.
        Assert.Superset(
            new HashSet<RingFault>
            {
                RingFault.None, RingFault.NextIndex, RingFault.NestedIndirect, RingFault.IndirectWithNext, RingFault.IndirectLength,
                RingFault.AddressWraps, RingFault.OutsideMemory, RingFault.ReadableAfterWritable, RingFault.ChainTooLong,
            },
            seen);
    }

    [Fact]
    public void Guest_that_rewrites_its_descriptors_meanwhile_gains_nothing()
    {
        const int Reads = 50_000;
        using var harness = new RingHarness(Size);
        using var chains = new ChainReader(Size, indirectAllowed: true);
        using var request = new QueuedRequest(new EchoHandler().CreateRequest(0), 0, null!);
        var stop = false;
        var guest = new Thread(() =>
        {
            var random = new Random(7);
            while (!Volatile.Read(ref stop))
            {
                harness.Queue.WriteDescriptor(random.Next(Size), Draw(random));
                harness.Guest.Write(Table + ((ulong)random.Next(Size) * 16), Draw(random));
            }
        });
        guest.Start();
        for (var i = 0; i < Reads; i++)
        {
            if (chains.Read(harness.Memory, harness.Ring, (ushort)(i % Size), request) == RingFault.None)
                AssertInMemory(request.Request, harness.Memory);
        }
        Volatile.Write(ref stop, true);
        guest.Join();
    }

    static Descriptor Draw(Random random)
    {
        var address = random.Next(12) switch
        {
            < 4 => (ulong)random.NextInt64((long)RingHarness.LowSize),
            < 7 => Table,
            7 => RingHarness.LowSize - (ulong)random.Next(32),
            8 => RingHarness.Adjacent + RingHarness.AdjacentSize - (ulong)random.Next(64),
            9 => RingHarness.End - (ulong)random.Next(64),
            10 => ulong.MaxValue - (ulong)random.Next(64),
            _ => (ulong)random.NextInt64(),
        };
        var length = random.Next(8) switch
        {
            < 3 => (uint)random.Next(64),
            < 6 => 16u * (uint)random.Next(Size + 2),
            6 => (uint)random.Next(1 << 20),
            _ => (uint)random.NextInt64(uint.MaxValue),
        };
        var flags = (random.Next(2) == 0 ? Flags.Next : 0) | (random.Next(2) == 0 ? Flags.Write : 0) | (random.Next(6) == 0 ? Flags.Indirect : 0);
        return new Descriptor { Address = address, Length = length, Flags = flags, Next = (ushort)random.Next(Size + 1) };
    }

    static void AssertInMemory(TransportRequest request, GuestMemory memory)
    {
        foreach (var buffers in new[] { request.Readable, request.Writable })
        {
            for (var i = 0; i < buffers.Count; i++)
            {
                var (start, end) = ((nuint)buffers.Vectors[i].Base, (nuint)buffers.Vectors[i].Base + buffers.Vectors[i].Length);
                var inside = false;
                foreach (var region in memory.Regions)
                    inside |= start >= (nuint)region.Host && end <= (nuint)region.Host + (nuint)region.Info.Size;
                Assert.True(inside);
            }
        }
    }
}
