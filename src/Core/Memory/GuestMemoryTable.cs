using System.Diagnostics;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Memory;

/// <summary>
/// Publishes guest memory to the queues' threads, and unmaps what was taken out when none of them can reach it any more.
/// One thread (the connection's) changes it; each queue reads through a <see cref="MemoryReader"/>. Adding a region never
/// waits; taking one out can wait, for the queues and the requests that use that very region.
/// </summary>
sealed class GuestMemoryTable : IDisposable
{
    readonly int _wake = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");
    readonly List<GuestRegion> _retiredRegions = [];
    readonly List<DirtyLog> _retiredLogs = [];
    readonly List<MemoryReader> _readers = [];
    GuestMemory _current = GuestMemory.Empty;
    bool _awaited;
    bool _disposed;

    public GuestMemory Current => Volatile.Read(ref _current);

    /// <summary>Readable when something that was waited for may have been let go: <see cref="Collect"/> then has work.</summary>
    public int WakeFd => _wake;

    /// <summary>Regions and logs that are out of the table but still mapped, because somebody uses them.</summary>
    public int RetiredCount => _retiredRegions.Count + _retiredLogs.Count;

    public MemoryReader AddReader()
    {
        var reader = new MemoryReader(this);
        _readers.Add(reader);
        return reader;
    }

    /// <summary>Only when the reader's thread has ended and none of its requests is outstanding.</summary>
    public void RemoveReader(MemoryReader reader) => _readers.Remove(reader);

    /// <summary>Makes <paramref name="next"/> the memory of every batch that starts from now on.</summary>
    public void Publish(GuestMemory next)
    {
        var previous = Interlocked.Exchange(ref _current, next);
        if (!next.HasSameRegionsAs(previous))
        {
            var kept = new HashSet<GuestRegion>(next.Regions.Length);
            foreach (var region in next.Regions)
                kept.Add(region);
            foreach (var region in previous.Regions)
            {
                if (!kept.Contains(region))
                    _retiredRegions.Add(region);
            }
        }
        if (previous.Log is { } log && log != next.Log)
            _retiredLogs.Add(log);
        Collect();
    }

    /// <summary>Unmaps what nobody uses any more. Cheap when there is nothing to do.</summary>
    public void Collect()
    {
        _ = EventFd.Drain(_wake);
        if (RetiredCount == 0)
        {
            Volatile.Write(ref _awaited, false);
            return;
        }
        // Announced before the readers are looked at: one that lets go later sees this and signals (see MemoryReader.Leave).
        Volatile.Write(ref _awaited, true);
        Interlocked.MemoryBarrier();
        for (var i = _retiredRegions.Count - 1; i >= 0; i--)
        {
            if (IsUsed(_retiredRegions[i]))
                continue;
            _retiredRegions[i].Unmap();
            _retiredRegions.RemoveAt(i);
        }
        for (var i = _retiredLogs.Count - 1; i >= 0; i--)
        {
            var log = _retiredLogs[i];
            if (_readers.Exists(reader => reader.InUse?.Log == log))
                continue;
            log.Unmap();
            _retiredLogs.RemoveAt(i);
        }
        if (RetiredCount == 0)
            Volatile.Write(ref _awaited, false);
    }

    /// <summary>Waits until a region that was taken out is unmapped. False: the time was over first.</summary>
    public bool WaitUntilUnmapped(GuestRegion region, TimeSpan limit) => WaitUntil(() => !_retiredRegions.Contains(region), limit);

    /// <summary>Waits until every queue works with the current memory, so that it logs what it writes from now on as that says.</summary>
    public bool WaitUntilCurrent(TimeSpan limit)
    {
        var current = Current;
        return WaitUntil(() => !_readers.Exists(reader => reader.InUse is { } used && used != current), limit);
    }

    /// <summary>Unmaps everything. Only when no reader is left; what a lost request still points into stays mapped.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Publish(GuestMemory.Empty);
        // A queue that could not be stopped may still signal: its eventfd is left to the process then.
        if (_readers.Count == 0 && RetiredCount == 0)
            _ = Descriptors.Close(_wake);
    }

    /// <summary>From any thread, after it let go of memory.</summary>
    internal void OnReleased()
    {
        if (Volatile.Read(ref _awaited))
            _ = EventFd.Signal(_wake);
    }

    bool WaitUntil(Func<bool> condition, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        Span<PollEntry> entries = [new PollEntry(_wake, Polling.POLLIN)];
        while (true)
        {
            Collect();
            Volatile.Write(ref _awaited, true);
            Interlocked.MemoryBarrier();
            var met = condition();
            var left = limit - Stopwatch.GetElapsedTime(start);
            if (met || left <= TimeSpan.Zero)
            {
                Volatile.Write(ref _awaited, RetiredCount != 0);
                return met;
            }
            _ = Polling.Poll(entries, (int)Math.Min(int.MaxValue, Math.Ceiling(left.TotalMilliseconds)));
        }
    }

    bool IsUsed(GuestRegion region)
    {
        if (region.IsPinned)
            return true;
        foreach (var reader in _readers)
        {
            if (reader.InUse is { } memory && memory.Contains(region))
                return true;
        }
        // Pinned between the two looks, by a reader that has let go of its memory since.
        return region.IsPinned;
    }
}
