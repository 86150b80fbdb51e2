using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>
/// Locks that the host sees. Each owner in the guest has an open description of its own for each file it locks, since
/// that is whom the kernel takes for the owner: OFD locks for ranges, flock for whole files.
/// </summary>
sealed class LockTable(DescriptorBudget budget)
{
    /// <summary>More waiting requests than this are a guest's mistake or malice.</summary>
    const int MaxWaiters = 4096;

    /// <summary>How long after another process dropped a lock a waiting guest may get it: the shorter for a lock that is soon dropped.</summary>
    static readonly TimeSpan s_firstInterval = TimeSpan.FromMilliseconds(20);
    static readonly TimeSpan s_lastInterval = TimeSpan.FromSeconds(1);

    readonly Lock _lock = new();
    readonly Dictionary<(NodeId Node, ulong Owner, bool IsFlock), LockDescription> _descriptions = [];

    /// <summary>Completed and removed when a lock of their file and kind may have become free.</summary>
    readonly Dictionary<(NodeId Node, bool IsFlock), List<TaskCompletionSource>> _waiting = [];

    /// <summary>Descriptions of range locks by what the guest locked them by last, so that closing a file looks at its own alone.</summary>
    readonly Dictionary<HandleId, HashSet<LockDescription>> _byHandle = [];

    // The number of those handles, for closing a file without the lock where there is none.
    int _handles;

    int _waiters;

    /// <summary>Owners and files with a lock, or with one that was refused.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _descriptions.Count;
        }
    }

    /// <summary>Takes, changes or drops a lock without waiting; EAGAIN if it is held by another.</summary>
    /// <param name="node">The file.</param>
    /// <param name="handle">What the guest locks it by.</param>
    /// <param name="wanted">The lock.</param>
    /// <param name="file">A descriptor of the file, O_PATH or not.</param>
    /// <param name="open">Opens it anew, for writing or not; a descriptor or −errno. The unit of the budget for it is taken here.</param>
    public Errno TrySet(NodeId node, HandleId handle, in FileLock wanted, int file, Func<int, bool, int> open)
    {
        int result;
        lock (_lock)
        {
            var key = (node, wanted.Owner, wanted.IsFlock);
            // flock does not ask how the file is open.
            var forWriting = !wanted.IsFlock && wanted.Type == FileLockType.Write;
            if (!_descriptions.TryGetValue(key, out var description))
            {
                if (wanted.Type == FileLockType.Unlock)
                    return Errno.None;
                if (!budget.TryTake())
                    return Errno.ENOLCK;
                var fd = open(file, forWriting);
                if (fd < 0)
                {
                    budget.Return();
                    return fd.ToErrno();
                }
                description = new LockDescription(key, fd, forWriting);
                _descriptions.Add(key, description);
            }
            else if (forWriting && !description.IsWritable && (result = MakeWritable(description, file, open)) < 0)
            {
                return result.ToErrno();
            }
            NoteHandle(description, handle);
            result = Set(description, wanted);
            // NFS keeps flock as a range lock, which does ask.
            if (result == -(int)Errno.EBADF && !description.IsWritable && (result = MakeWritable(description, file, open)) >= 0)
                result = Set(description, wanted);
            if (wanted.Type == FileLockType.Unlock && (wanted.IsFlock || IsWhole(wanted)))
                Remove(description);
            // A write lock that becomes a read lock lets others in as well. A refused attempt wakes nobody: it may be a waiter's own.
            if (result >= 0 && wanted.Type != FileLockType.Write)
                WakeWaiters(node, wanted.IsFlock);
        }
        return result.ToErrno();
    }

    /// <summary>The range lock that stands in the way of <paramref name="wanted"/>.</summary>
    public Reply<FileLock> Get(NodeId node, in FileLock wanted, int file, Func<int, bool, int> open)
    {
        var range = LockDescription.RangeOf(wanted);
        int result;
        lock (_lock)
        {
            if (_descriptions.TryGetValue((node, wanted.Owner, false), out var description))
            {
                result = FileLocks.GetRange(description.Fd, ref range);
            }
            else
            {
                var fd = open(file, false);
                if (fd < 0)
                    return fd.ToErrno();
                result = FileLocks.GetRange(fd, ref range);
                _ = Descriptors.Close(fd);
            }
            if (result < 0)
                return result.ToErrno();
            if (range.Type == FileLocks.F_UNLCK)
                return new FileLock { Type = FileLockType.Unlock };
            var found = new FileLock
            {
                Type = (FileLockType)range.Type,
                Start = (ulong)range.Start,
                End = range.Length == 0 ? long.MaxValue : (ulong)(range.Start + range.Length - 1),
            };
            found.Pid = HolderOf(node, wanted.Owner, found);
            return found;
        }
    }

    /// <summary>An owner has closed a file: its locks on it go.</summary>
    public void Drop(NodeId node, ulong owner, bool isFlock)
    {
        lock (_lock)
        {
            if (_descriptions.TryGetValue((node, owner, isFlock), out var description))
                Drop(description);
        }
    }

    /// <summary>
    /// Nobody in the guest has a handle any more: the range locks that were taken by it go. Those of a process went when it closed the
    /// file; what is left are the guest's own OFD locks, of whose end the kernel sends no more than this.
    /// </summary>
    public void DropOf(HandleId handle)
    {
        if (Volatile.Read(ref _handles) == 0)
            return;
        lock (_lock)
        {
            if (!_byHandle.Remove(handle, out var used))
                return;
            _handles = _byHandle.Count;
            foreach (var description in used)
                Drop(description);
        }
    }

    /// <summary>
    /// Tries until it has the lock, off the queue's thread. The kernel tells of a lock that another process drops only to a thread that
    /// blocks for it, which could not be cancelled; so such locks are asked for again, less and less often.
    /// </summary>
    public async ValueTask<Errno> WaitAsync(NodeId node, bool isFlock, Func<Errno> attempt, CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _waiters) > MaxWaiters)
        {
            Interlocked.Decrement(ref _waiters);
            return Errno.ENOLCK;
        }
        var key = (node, isFlock);
        var interval = s_firstInterval;
        TaskCompletionSource? woken = null;
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                // Before the attempt, so that what is dropped after it is not missed.
                if (woken is null || woken.Task.IsCompleted)
                    woken = Register(key);
                var error = attempt();
                if (error != Errno.EAGAIN)
                    return error;
                await ((Task)woken.Task.WaitAsync(interval, cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (!woken.Task.IsCompleted)
                    interval = interval * 2 < s_lastInterval ? interval * 2 : s_lastInterval;
            }
            // An interrupt, or the end of what a request may wait: for a lock both are EINTR.
            return Errno.EINTR;
        }
        finally
        {
            if (woken is not null)
                Unregister(key, woken);
            Interlocked.Decrement(ref _waiters);
        }
    }

    /// <summary>Drops every lock.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var description in _descriptions.Values)
            {
                description.Close();
                budget.Return();
            }
            _descriptions.Clear();
            _byHandle.Clear();
            _handles = 0;
        }
    }

    /// <summary>
    /// The guest's process behind a lock in the way: the kernel names none for an open description's locks. 0 for one of the host, whose
    /// number means nothing to a guest. Goes through all descriptions, for a question that is seldom asked.
    /// </summary>
    uint HolderOf(NodeId node, ulong asking, in FileLock found)
    {
        foreach (var (key, description) in _descriptions)
        {
            if (key.Node == node && !key.IsFlock && key.Owner != asking && description.HolderOf(found) is var pid and not 0)
                return pid;
        }
        return 0;
    }

    static int OperationOf(FileLockType type) => type switch
    {
        FileLockType.Read => FileLocks.LOCK_SH,
        FileLockType.Write => FileLocks.LOCK_EX,
        _ => FileLocks.LOCK_UN,
    };

    static bool IsWhole(in FileLock range) => range.Start == 0 && range.End >= long.MaxValue;

    static int Set(LockDescription description, in FileLock wanted) =>
        wanted.IsFlock ? FileLocks.SetWhole(description.Fd, OperationOf(wanted.Type)) : description.SetRange(wanted);

    static int MakeWritable(LockDescription description, int file, Func<int, bool, int> open)
    {
        var fd = open(file, true);
        return fd < 0 ? fd : description.MoveTo(fd);
    }

    void Drop(LockDescription description)
    {
        Remove(description);
        WakeWaiters(description.Key.Node, description.Key.IsFlock);
    }

    void Remove(LockDescription description)
    {
        NoteHandle(description, HandleId.None);
        _descriptions.Remove(description.Key);
        description.Close();
        budget.Return();
    }

    void NoteHandle(LockDescription description, HandleId handle)
    {
        if (description.Key.IsFlock || description.Handle == handle)
            return;
        if (_byHandle.TryGetValue(description.Handle, out var before) && before.Remove(description) && before.Count == 0)
            _byHandle.Remove(description.Handle);
        description.Handle = handle;
        if (handle != HandleId.None)
        {
            if (!_byHandle.TryGetValue(handle, out var used))
                _byHandle.Add(handle, used = []);
            used.Add(description);
        }
        Volatile.Write(ref _handles, _byHandle.Count);
    }

    TaskCompletionSource Register((NodeId Node, bool IsFlock) key)
    {
        // A waiter goes on elsewhere: the lock is held where it is woken.
        var woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (!_waiting.TryGetValue(key, out var waiting))
                _waiting.Add(key, waiting = []);
            waiting.Add(woken);
        }
        return woken;
    }

    void Unregister((NodeId Node, bool IsFlock) key, TaskCompletionSource woken)
    {
        lock (_lock)
        {
            if (_waiting.TryGetValue(key, out var waiting) && waiting.Remove(woken) && waiting.Count == 0)
                _waiting.Remove(key);
        }
    }

    void WakeWaiters(NodeId node, bool isFlock)
    {
        if (!_waiting.Remove((node, isFlock), out var waiting))
            return;
        foreach (var woken in waiting)
            woken.TrySetResult();
    }
}
