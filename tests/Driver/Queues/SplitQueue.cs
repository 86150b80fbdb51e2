using System.Runtime.CompilerServices;
using VirtioFsStore.Driver.Interop;
using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Driver.Queues;

/// <summary>
/// The driver's side of a split virtqueue (virtio 1.2, 2.7) in guest memory. Checks what the device answers. Chains are added,
/// then published together, then the device is notified if it wants to be. Used by one thread at a time; allocates nothing
/// after construction.
/// </summary>
public sealed unsafe partial class SplitQueue : IDisposable
{
    /// <summary>VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY.</summary>
    const ushort NoSignalFlag = 1;

    const int MaxIndirect = 1024;

    readonly GuestMemory _memory;
    readonly Descriptor* _descriptors;
    readonly byte* _available;
    readonly byte* _used;
    readonly ulong _indirectTables;
    readonly byte* _indirectPointer;
    readonly int _indirectLength;
    readonly ushort[] _nextFree;
    readonly ushort[] _chainLength;
    readonly int[] _tokens;
    ushort _freeHead;
    ushort _publishedIndex;

    public SplitQueue(GuestMemory memory, int index, ushort size, bool indirect, bool eventIndex)
    {
        if (size == 0 || (size & (size - 1)) != 0)
            throw new ArgumentException("A split queue's size is a power of 2.", nameof(size));
        _memory = memory;
        Index = index;
        Size = size;
        Indirect = indirect;
        EventIndex = eventIndex;
        // The used ring on pages of its own, so that a dirty log tells it from the rest.
        DescriptorTable = memory.Allocate((ulong)(size * sizeof(Descriptor)), 16);
        AvailableRing = memory.Allocate((ulong)(6 + size * 2), 2);
        UsedRing = memory.Allocate((UsedRingSize + GuestMemory.PageSize - 1) & ~(GuestMemory.PageSize - 1), GuestMemory.PageSize);
        _descriptors = (Descriptor*)memory.Translate(DescriptorTable, (ulong)(size * sizeof(Descriptor)));
        _available = memory.Translate(AvailableRing, (ulong)(6 + size * 2));
        _used = memory.Translate(UsedRing, UsedRingSize);
        if (indirect)
        {
            _indirectLength = Math.Min((int)size, MaxIndirect);
            var bytes = (ulong)(size * _indirectLength * sizeof(Descriptor));
            _indirectTables = memory.Allocate(bytes, 16);
            _indirectPointer = memory.Translate(_indirectTables, bytes);
        }
        _nextFree = new ushort[size];
        _chainLength = new ushort[size];
        _tokens = new int[size];
        Reset();
    }

    public int Index { get; }

    public ushort Size { get; }

    /// <summary>VIRTIO_F_INDIRECT_DESC was agreed, and chains of more than one descriptor use it.</summary>
    public bool Indirect { get; }

    /// <summary>VIRTIO_F_EVENT_IDX was agreed.</summary>
    public bool EventIndex { get; }

    /// <summary>Guest address.</summary>
    public ulong DescriptorTable { get; }

    /// <inheritdoc cref="DescriptorTable"/>
    public ulong AvailableRing { get; }

    /// <inheritdoc cref="DescriptorTable"/>
    public ulong UsedRing { get; }

    /// <summary>Bytes, the event index included.</summary>
    public ulong UsedRingSize => (ulong)(6 + Size * 8);

    public EventFd Kick { get; } = new();

    public EventFd Call { get; } = new();

    public EventFd Error { get; } = new();

    /// <summary>Index of the next entry of the available ring: what SET_VRING_BASE takes for a device that has answered everything.</summary>
    public ushort AvailableIndex { get; private set; }

    /// <summary>Index of the next used entry to look at.</summary>
    public ushort UsedIndex { get; private set; }

    /// <summary>The device's index in the used ring, as it is now.</summary>
    public ushort DeviceUsedIndex => Volatile.Read(ref *(ushort*)(_used + 2));

    public int FreeDescriptors { get; private set; }

    /// <summary>Chains that the device has and has not given back.</summary>
    public int Outstanding { get; private set; }

    /// <summary>How often the device was notified and how often that was spared.</summary>
    public (long Sent, long Spared) Notifications { get; private set; }

    /// <summary>The queue as it is after a device reset: empty rings, all descriptors free.</summary>
    public void Reset()
    {
        new Span<byte>(_descriptors, Size * sizeof(Descriptor)).Clear();
        new Span<byte>(_available, 6 + Size * 2).Clear();
        new Span<byte>(_used, (int)UsedRingSize).Clear();
        for (var i = 0; i < Size; i++)
            _nextFree[i] = (ushort)(i + 1);
        Array.Clear(_chainLength);
        _freeHead = 0;
        FreeDescriptors = Size;
        AvailableIndex = UsedIndex = _publishedIndex = 0;
        Outstanding = 0;
        _ = Call.Take();
    }

    /// <summary>Puts a chain into the available ring without showing it to the device yet. False if there is no room.</summary>
    public bool TryAdd(ReadOnlySpan<GuestSegment> readable, ReadOnlySpan<GuestSegment> writable, int token, out ushort head)
    {
        var total = readable.Length + writable.Length;
        var indirect = Indirect && total > 1;
        if (total == 0 || (indirect && total > _indirectLength))
            throw new ArgumentException($"A chain of {total} descriptors; this queue takes 1 to {(Indirect ? _indirectLength : Size)}.");
        var needed = indirect ? 1 : total;
        if (needed > FreeDescriptors)
        {
            head = 0;
            return false;
        }
        head = _freeHead;
        if (indirect)
            AddIndirect(head, readable, writable);
        else
            AddDirect(readable, writable);
        FreeDescriptors -= needed;
        _chainLength[head] = (ushort)needed;
        _tokens[head] = token;
        Outstanding++;
        *(ushort*)(_available + 4 + AvailableIndex % Size * 2) = head;
        AvailableIndex++;
        return true;
    }

    /// <summary>Shows the device all chains added so far.</summary>
    public void Publish() => Volatile.Write(ref *(ushort*)(_available + 2), AvailableIndex);

    /// <summary>Publishes, and notifies the device if it asked for that (2.7.10, 2.7.13.4).</summary>
    public bool PublishAndNotify()
    {
        Publish();
        Interlocked.MemoryBarrier();
        var old = _publishedIndex;
        _publishedIndex = AvailableIndex;
        var wanted = EventIndex
            ? IsEvent(Volatile.Read(ref *(ushort*)(_used + 4 + Size * 8)), AvailableIndex, old)
            : (Volatile.Read(ref *(ushort*)_used) & NoSignalFlag) == 0;
        if (old == AvailableIndex || !wanted)
        {
            Notifications = (Notifications.Sent, Notifications.Spared + 1);
            return false;
        }
        Notifications = (Notifications.Sent + 1, Notifications.Spared);
        Kick.Signal();
        return true;
    }

    /// <summary>The next chain that came back, if there is one.</summary>
    /// <exception cref="VirtqueueException">The device gave back what it did not have.</exception>
    public bool TryTake(out UsedEntry entry)
    {
        var device = DeviceUsedIndex;
        if (device == UsedIndex)
        {
            entry = default;
            return false;
        }
        if ((ushort)(device - UsedIndex) > Outstanding)
            throw new VirtqueueException($"Queue {Index}: the used index is {device} after {UsedIndex} with {Outstanding} chains outstanding.");
        var element = _used + 4 + UsedIndex % Size * 8;
        var id = *(uint*)element;
        var length = *(uint*)(element + 4);
        if (id >= Size || _chainLength[id] == 0)
            throw new VirtqueueException($"Queue {Index}: used entry {UsedIndex} names descriptor {id}, which is not the head of an outstanding chain.");
        UsedIndex++;
        Outstanding--;
        Free((ushort)id);
        entry = new UsedEntry((ushort)id, length, _tokens[id]);
        return true;
    }

    /// <summary>Waits on the call eventfd until there is a used chain. False if none came in time.</summary>
    public bool WaitUsed(TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (true)
        {
            ArmCall();
            if (DeviceUsedIndex != UsedIndex)
                return true;
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !Call.Wait(TimeSpan.FromMilliseconds(left)))
                return DeviceUsedIndex != UsedIndex;
        }
    }

    /// <summary>Asks to be called when the device's used index passes <paramref name="usedIndex"/>, and not before (EVENT_IDX).</summary>
    public void ArmCallAt(ushort usedIndex)
    {
        Volatile.Write(ref *(ushort*)(_available + 4 + Size * 2), usedIndex);
        Interlocked.MemoryBarrier();
    }

    /// <summary>Asks not to be called, for a driver that polls (2.7.7); only a hint.</summary>
    public void DisarmCall()
    {
        if (!EventIndex)
            Volatile.Write(ref *(ushort*)_available, NoSignalFlag);
    }

    public void Dispose()
    {
        Kick.Dispose();
        Call.Dispose();
        Error.Dispose();
    }

    /// <summary>vring_need_event: whether <paramref name="eventIndex"/> lies in the entries from <paramref name="old"/> up to <paramref name="now"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool IsEvent(ushort eventIndex, ushort now, ushort old) => (ushort)(now - eventIndex - 1) < (ushort)(now - old);

    void ArmCall()
    {
        if (EventIndex)
        {
            ArmCallAt(UsedIndex);
            return;
        }
        Volatile.Write(ref *(ushort*)_available, (ushort)0);
        Interlocked.MemoryBarrier();
    }

    void AddIndirect(ushort head, ReadOnlySpan<GuestSegment> readable, ReadOnlySpan<GuestSegment> writable)
    {
        var offset = head * _indirectLength * sizeof(Descriptor);
        var table = (Descriptor*)(_indirectPointer + offset);
        var total = readable.Length + writable.Length;
        for (var i = 0; i < total; i++)
        {
            var isWrite = i >= readable.Length;
            var segment = isWrite ? writable[i - readable.Length] : readable[i];
            var flags = (isWrite ? DescriptorFlags.Write : 0) | (i + 1 < total ? DescriptorFlags.Next : 0);
            table[i] = new Descriptor { Address = segment.Address, Length = segment.Length, Flags = flags, Next = (ushort)(i + 1 < total ? i + 1 : 0) };
        }
        _descriptors[head] = new Descriptor
        {
            Address = _indirectTables + (ulong)offset,
            Length = (uint)(total * sizeof(Descriptor)),
            Flags = DescriptorFlags.Indirect,
        };
        _freeHead = _nextFree[head];
    }

    void AddDirect(ReadOnlySpan<GuestSegment> readable, ReadOnlySpan<GuestSegment> writable)
    {
        var total = readable.Length + writable.Length;
        for (var i = 0; i < total; i++)
        {
            var at = _freeHead;
            _freeHead = _nextFree[at];
            var isWrite = i >= readable.Length;
            var segment = isWrite ? writable[i - readable.Length] : readable[i];
            var flags = (isWrite ? DescriptorFlags.Write : 0) | (i + 1 < total ? DescriptorFlags.Next : 0);
            _descriptors[at] = new Descriptor
            {
                Address = segment.Address,
                Length = segment.Length,
                Flags = flags,
                Next = (ushort)(i + 1 < total ? _freeHead : 0),
            };
        }
    }

    void Free(ushort head)
    {
        int count = _chainLength[head];
        _chainLength[head] = 0;
        FreeDescriptors += count;
        var last = head;
        // The driver's own free list still links the chain in order.
        for (var i = 1; i < count; i++)
            last = _nextFree[last];
        _nextFree[last] = _freeHead;
        _freeHead = head;
    }
}
