using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// The device's side of a split virtqueue (virtio 1.3, 2.7). The driver is not trusted: whatever is read here may change at
/// any time, so it is read once and checked. One thread.
/// </summary>
sealed unsafe class SplitRing(ushort size, bool eventIndex)
{
    const ushort VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
    const ushort VIRTQ_USED_F_NO_NOTIFY = 1;

    GuestMemory? _memory;
    RingAddresses _addresses;
    Descriptor* _descriptors;
    ushort* _available;
    byte* _used;
    ushort _knownAvailable;
    ushort _publishedUsed;
    ushort _signalledUsed;
    bool _signalledValid;
    bool _kicksDisabled;

    public ushort Size => size;

    /// <summary>The next entry of the available ring to be taken (what GET_VRING_BASE answers).</summary>
    public ushort NextAvailable { get; private set; }

    /// <summary>Entries put in the used ring that the driver has not been shown yet.</summary>
    public int Unpublished { get; private set; }

    /// <summary>The used index that the driver sees.</summary>
    public ushort PublishedUsed => _publishedUsed;

    ushort* Used => (ushort*)_used;

    /// <summary>
    /// Finds the ring in <paramref name="memory"/>; cheap where nothing has changed. False: it is not all there, and must not be used.
    /// </summary>
    public bool Attach(GuestMemory memory, in RingAddresses addresses)
    {
        if (ReferenceEquals(memory, _memory) && addresses == _addresses)
            return true;
        _descriptors = (Descriptor*)memory.TranslateUserAddress(addresses.Descriptors, RingAddresses.DescriptorBytes(size), forWriting: false);
        _available = (ushort*)memory.TranslateUserAddress(addresses.Available, RingAddresses.AvailableBytes(size), forWriting: false);
        _used = memory.TranslateUserAddress(addresses.Used, RingAddresses.UsedBytes(size), forWriting: true);
        _addresses = addresses;
        // The address in this process decides what the atomic accesses below need, and page offsets carry over only for sane regions.
        var usable = _descriptors != null && _available != null && _used != null
            && (nuint)_descriptors % 8 == 0 && (nuint)_available % 2 == 0 && (nuint)_used % 4 == 0;
        _memory = usable ? memory : null;
        return usable;
    }

    /// <summary>Goes on where a driver and another device stopped: the next available entry is given, the used index is the ring's.</summary>
    public void Resume(ushort nextAvailable)
    {
        NextAvailable = _knownAvailable = nextAvailable;
        _publishedUsed = Volatile.Read(ref Used[1]);
        Unpublished = 0;
        _signalledValid = false;
        _kicksDisabled = false;
    }

    /// <summary>Takes the next available head. False with <see cref="RingFault.None"/>: there is none.</summary>
    public bool TryTake(out ushort head, out RingFault fault)
    {
        head = 0;
        fault = RingFault.None;
        if (_knownAvailable == NextAvailable)
        {
            // Acquire: the entries and descriptors behind the index are read after it.
            _knownAvailable = Volatile.Read(ref _available[1]);
            var ahead = (ushort)(_knownAvailable - NextAvailable);
            if (ahead == 0)
                return false;
            if (ahead > size)
            {
                fault = RingFault.AvailableIndex;
                return false;
            }
        }
        head = Volatile.Read(ref _available[2 + (NextAvailable & (size - 1))]);
        if (head >= size)
        {
            fault = RingFault.HeadIndex;
            return false;
        }
        NextAvailable++;
        return true;
    }

    /// <summary>A copy of a descriptor of the table; <paramref name="index"/> is below the ring's size.</summary>
    public void ReadDescriptor(int index, out Descriptor descriptor)
    {
        Unsafe.SkipInit(out descriptor);
        var source = (ulong*)(_descriptors + index);
        fixed (Descriptor* copy = &descriptor)
        {
            ((ulong*)copy)[0] = Volatile.Read(ref source[0]);
            ((ulong*)copy)[1] = Volatile.Read(ref source[1]);
        }
    }

    /// <summary>Puts an entry in the used ring; the driver sees it after <see cref="Publish"/>.</summary>
    public void PutUsed(ushort head, uint length)
    {
        var slot = (ushort)(_publishedUsed + Unpublished) & (size - 1);
        var entry = (uint*)(_used + 4) + (slot * 2);
        entry[0] = head;
        entry[1] = length;
        LogUsed(4 + (8UL * (uint)slot), 8);
        Unpublished++;
    }

    /// <summary>Shows the driver what was put, all at once. True: it asks to be notified.</summary>
    public bool Publish()
    {
        if (Unpublished == 0)
            return false;
        _publishedUsed += (ushort)Unpublished;
        Unpublished = 0;
        // Release: the entries before the index.
        Volatile.Write(ref Used[1], _publishedUsed);
        LogUsed(2, 2);
        return NeedsNotification();
    }

    /// <summary>The driver need not kick any more: this side looks by itself.</summary>
    public void DisableKicks()
    {
        // With the event index the old event position does it.
        if (eventIndex || _kicksDisabled)
            return;
        _kicksDisabled = true;
        Volatile.Write(ref Used[0], VIRTQ_USED_F_NO_NOTIFY);
        LogUsed(0, 2);
    }

    /// <summary>Asks for a kick at the next available entry. True: there is one already, and a kick may not come for it.</summary>
    public bool EnableKicks()
    {
        if (eventIndex)
        {
            var position = 4 + (8UL * size);
            Volatile.Write(ref *(ushort*)(_used + position), NextAvailable);
            LogUsed(position, 2);
        }
        else
        {
            _kicksDisabled = false;
            Volatile.Write(ref Used[0], (ushort)0);
            LogUsed(0, 2);
        }
        // The wish is seen before the index is read again: one of both sides notices (virtio 1.3, 2.7.10).
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref _available[1]) != NextAvailable;
    }

    bool NeedsNotification()
    {
        // The index is seen before the driver's wish is read (virtio 1.3, 2.7.7.2).
        Interlocked.MemoryBarrier();
        if (!eventIndex)
            return (Volatile.Read(ref _available[0]) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
        var wanted = Volatile.Read(ref _available[2 + size]);
        var previous = _signalledUsed;
        var wasValid = _signalledValid;
        _signalledUsed = _publishedUsed;
        _signalledValid = true;
        return !wasValid || (ushort)(_publishedUsed - wanted - 1) < (ushort)(_publishedUsed - previous);
    }

    void LogUsed(ulong offset, ulong length)
    {
        if (_addresses.LogsUsed)
            _memory!.Log?.Mark(_addresses.LogAddress + offset, length);
    }
}
