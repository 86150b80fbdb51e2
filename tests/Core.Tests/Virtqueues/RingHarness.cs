using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Virtqueues;
using VirtioFsStore.Driver.Queues;
using DriverMemory = VirtioFsStore.Driver.Memory.GuestMemory;
using DriverRegion = VirtioFsStore.Driver.Memory.GuestRegion;
using MemoryLayout = VirtioFsStore.Driver.Memory.MemoryLayout;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>
/// A ring in memory that the Driver's queue (an implementation of its own) and the device's both see, with no socket between.
/// Guest memory: 8 MiB at 0, then two adjacent regions of 1 MiB at <see cref="Adjacent"/>, then nothing.
/// </summary>
sealed class RingHarness : IDisposable
{
    public const ulong LowSize = 8 << 20;
    public const ulong Adjacent = 1UL << 32;
    public const ulong AdjacentSize = 1 << 20;
    public const ulong End = Adjacent + (2 * AdjacentSize);

    public RingHarness(ushort size = 16, bool indirect = true, bool eventIndex = false)
    {
        Guest = new DriverMemory(new MemoryLayout(0, LowSize), new MemoryLayout(Adjacent, AdjacentSize), new MemoryLayout(Adjacent + AdjacentSize, AdjacentSize, 4096));
        Queue = new SplitQueue(Guest, 1, size, indirect, eventIndex);
        Table = new GuestMemoryTable();
        Publish();
        Addresses = new RingAddresses(
            Guest.ToUserAddress(Queue.DescriptorTable), Guest.ToUserAddress(Queue.AvailableRing), Guest.ToUserAddress(Queue.UsedRing), false, 0);
        Ring = new SplitRing(size, eventIndex);
        if (!Ring.Attach(Table.Current, Addresses))
            throw new InvalidOperationException("The ring is not in the memory.");
        Ring.Resume(0);
    }

    public DriverMemory Guest { get; }

    public SplitQueue Queue { get; }

    public GuestMemoryTable Table { get; }

    public GuestMemory Memory => Table.Current;

    public RingAddresses Addresses { get; }

    public SplitRing Ring { get; }

    /// <summary>Maps the guest's memory anew, as SET_MEM_TABLE does.</summary>
    public void Publish(DirtyLog? log = null, bool logsWrites = false, Func<DriverRegion, bool>? only = null)
    {
        var regions = Guest.Regions.Where(only ?? (_ => true)).Select(Map).ToList();
        if (!GuestMemory.TryCreate(regions, log, logsWrites, out var memory, out var error))
            throw new InvalidOperationException(error);
        Table.Publish(memory);
    }

    public void Dispose()
    {
        Table.Dispose();
        Queue.Dispose();
        Guest.Dispose();
    }

    static GuestRegion Map(DriverRegion region) =>
        GuestRegion.TryMap(new MemoryRegionInfo(region.GuestAddress, region.Size, region.UserAddress, region.FileOffset), region.Fd, out var error)
            ?? throw new InvalidOperationException(error);
}
