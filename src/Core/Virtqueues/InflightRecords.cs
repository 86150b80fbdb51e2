namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// The records of one queue in the memory that the VMM keeps for a next back end (vhost-user, "Inflight I/O tracking", split
/// virtqueues): which heads are in flight, in which order they came, and what the last batch of used entries was. Ordered so
/// that a crash between any two steps can be repaired.
/// </summary>
sealed unsafe class InflightRecords
{
    const ushort Version = 1;
    const int HeaderSize = 16;
    const int EntrySize = 16;

    readonly byte* _region;
    readonly ushort _queueSize;
    readonly ushort[] _batch;
    int _batchCount;
    ulong _counter;

    /// <param name="region">At least <see cref="RegionBytes"/> of memory, 8-aligned.</param>
    public InflightRecords(byte* region, ushort queueSize)
    {
        _region = region;
        _queueSize = queueSize;
        _batch = new ushort[queueSize];
    }

    ref ushort RecordVersion => ref *(ushort*)(_region + 8);

    ref ushort RecordCount => ref *(ushort*)(_region + 10);

    ref ushort LastBatchHead => ref *(ushort*)(_region + 12);

    ref ushort UsedIndex => ref *(ushort*)(_region + 14);

    /// <summary>Bytes for one queue; the next queue's records start there.</summary>
    public static ulong RegionBytes(ushort queueSize)
    {
        // A cache line each, so that the queues' threads do not disturb one another.
        const ulong Alignment = 64;
        return (HeaderSize + ((ulong)queueSize * EntrySize) + Alignment - 1) & ~(Alignment - 1);
    }

    /// <summary>Fresh memory: version 0, which says that nothing is recorded yet.</summary>
    public static void Clear(byte* region, ushort queueSize)
    {
        new Span<byte>(region, (int)RegionBytes(queueSize)).Clear();
        *(ushort*)(region + 10) = queueSize;
    }

    /// <summary>
    /// Repairs what a crash left between showing a batch and recording it, and lists what is to be run again, oldest first.
    /// False: the records do not fit a ring whose used index is <paramref name="ringUsedIndex"/>.
    /// </summary>
    public bool TryRecover(ushort ringUsedIndex, out ushort[] outstanding)
    {
        outstanding = [];
        _counter = 0;
        if (RecordVersion == 0)
        {
            RecordCount = _queueSize;
            UsedIndex = ringUsedIndex;
            RecordVersion = Version;
            return true;
        }
        if (RecordVersion != Version || RecordCount < _queueSize)
            return false;
        var unrecorded = (ushort)(ringUsedIndex - UsedIndex);
        // With none in flight a ring may also have begun anew.
        if (unrecorded > _queueSize && CountInflight() != 0)
            return false;
        var head = LastBatchHead;
        for (var i = 0; i < unrecorded && unrecorded <= _queueSize; i++)
        {
            if (head >= _queueSize)
                return false;
            *Entry(head) = 0;
            head = Next(head);
        }
        UsedIndex = ringUsedIndex;

        var found = new List<(ulong Counter, ushort Head)>();
        for (ushort i = 0; i < _queueSize; i++)
        {
            if (*Entry(i) != 0)
                found.Add((Counter(i), i));
        }
        found.Sort();
        outstanding = [.. found.Select(entry => entry.Head)];
        if (found.Count != 0)
            _counter = found[^1].Counter + 1;
        return true;
    }

    /// <summary>A head was taken from the available ring.</summary>
    public void Begin(ushort head)
    {
        Counter(head) = _counter++;
        Volatile.Write(ref *Entry(head), (byte)1);
    }

    /// <summary>A head was put in the used ring, not yet shown. At most the queue's size of them between two publications.</summary>
    public void PutUsed(ushort head)
    {
        Next(head) = LastBatchHead;
        Volatile.Write(ref LastBatchHead, head);
        _batch[_batchCount++] = head;
    }

    /// <summary>The used index was moved over everything that was put.</summary>
    public void Published(ushort usedIndex)
    {
        for (var i = 0; i < _batchCount; i++)
            Volatile.Write(ref *Entry(_batch[i]), (byte)0);
        _batchCount = 0;
        Volatile.Write(ref UsedIndex, usedIndex);
    }

    int CountInflight()
    {
        var count = 0;
        for (ushort i = 0; i < _queueSize; i++)
            count += *Entry(i) != 0 ? 1 : 0;
        return count;
    }

    byte* Entry(ushort head) => _region + HeaderSize + (head * EntrySize);

    ref ushort Next(ushort head) => ref *(ushort*)(Entry(head) + 6);

    ref ulong Counter(ushort head) => ref *(ulong*)(Entry(head) + 8);
}
