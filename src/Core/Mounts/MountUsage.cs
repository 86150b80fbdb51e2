namespace VirtioFsStore.Core.Mounts;

/// <summary>
/// Who uses a mount that can be removed. Each queue counts for itself, with no lock and nothing allocated, so that a mount costs its
/// requests two uncontended atomic operations. It ends in this order: <b>detached</b> (no new names and handles; what is open goes on),
/// <b>closing</b> (the last handle was closed: nothing is let in), <b>unused</b> (the last request has left; said once).
/// </summary>
/// <remarks>
/// Why the sums can be read without a lock. Whoever enters counts first and looks at the state then; whoever changes the state changes it
/// first and counts then, both with full fences. So a request that was let in is seen by the sum, or it has seen the new state and goes.
/// Handles: once detached, a queue's count only falls, but for an attempt that is taken back on the same counter; each counter is read
/// once, so a sum of 0 was true at the end of the reading.
/// </remarks>
sealed class MountUsage
{
    const int Mounted = 0, Detached = 1, Closing = 2, Unused = 3;

    readonly Action _onUnused;
    volatile QueueUsage[] _queues = [];
    int _state;

    /// <param name="queues">Queues that there are; see <see cref="Cover"/>.</param>
    /// <param name="onUnused">Called once, on the thread of the last user: may not take long.</param>
    public MountUsage(int queues, Action onUnused)
    {
        _onUnused = onUnused;
        Cover(queues);
    }

    public bool IsMounted => Volatile.Read(ref _state) == Mounted;

    /// <summary>Files and directories that are open. Exact once detached and when nothing is opened or closed meanwhile.</summary>
    public long OpenHandles
    {
        get
        {
            var sum = 0L;
            foreach (var queue in _queues)
                sum += Interlocked.Read(ref queue.Handles);
            return sum;
        }
    }

    public MountStatistics Statistics
    {
        get
        {
            var queues = _queues;
            ulong[] Sum(int length, Func<QueueUsage, ulong[]> counts) =>
                [.. Enumerable.Range(0, length).Select(index => queues.Aggregate(0UL, (sum, queue) => sum + Volatile.Read(ref counts(queue)[index])))];

            return new MountStatistics
            {
                Requests = Sum(QueueUsage.Operations, queue => queue.Requests),
                Errors = Sum(QueueUsage.Operations, queue => queue.Errors),
                ReadSizes = Sum(QueueUsage.ReadSizes, queue => queue.Reads),
                BytesRead = queues.Aggregate(0UL, (sum, queue) => sum + Volatile.Read(ref queue.BytesRead)),
                OpenHandles = Math.Max(0, OpenHandles),
            };
        }
    }

    /// <summary>Counters for so many queues. Called before a queue has its first request; callers take turns.</summary>
    public void Cover(int queues)
    {
        var have = _queues;
        if (have.Length < queues)
            _queues = [.. have, .. Enumerable.Range(0, queues - have.Length).Select(_ => new QueueUsage())];
    }

    /// <summary>Lets a request in, which must <see cref="Leave"/>. Null: the mount is gone for it.</summary>
    public QueueUsage? TryEnter(int queue, UsageKind kind)
    {
        var usage = _queues[queue];
        Interlocked.Increment(ref usage.InFlight);
        if (kind == UsageKind.Open)
            Interlocked.Increment(ref usage.Handles);
        var state = Volatile.Read(ref _state);
        if (state == Mounted || (state == Detached && kind is UsageKind.GoOn or UsageKind.Close))
            return usage;
        Leave(usage, closed: kind == UsageKind.Open);
        return null;
    }

    /// <param name="usage">What <see cref="TryEnter"/> answered.</param>
    /// <param name="closed">The request closed a handle, or did not open the one it was let in for.</param>
    public void Leave(QueueUsage usage, bool closed)
    {
        if (closed)
            Interlocked.Decrement(ref usage.Handles);
        Interlocked.Decrement(ref usage.InFlight);
        if (Volatile.Read(ref _state) != Mounted)
            Settle();
    }

    /// <summary>The mount point is gone: from now on what is open drains. Once.</summary>
    public void Detach()
    {
        Interlocked.Exchange(ref _state, Detached);
        Settle();
    }

    /// <summary>The session is over, and with it all handles. No request is under way.</summary>
    public void DropHandles()
    {
        foreach (var queue in _queues)
            Interlocked.Exchange(ref queue.Handles, 0);
        if (!IsMounted)
            Settle();
    }

    void Settle()
    {
        // A guest can close what it never opened, and has a mount that ends too early by it.
        if (OpenHandles <= 0)
            Interlocked.CompareExchange(ref _state, Closing, Detached);
        if (Volatile.Read(ref _state) != Closing)
            return;
        foreach (var queue in _queues)
        {
            if (Volatile.Read(ref queue.InFlight) != 0)
                return;
        }
        if (Interlocked.CompareExchange(ref _state, Unused, Closing) == Closing)
            _onUnused();
    }
}
