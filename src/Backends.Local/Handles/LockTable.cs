using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>
/// Locks that the host sees. Each owner in the guest has an open description of its own for each file it locks, since
/// that is whom the kernel takes for the owner: OFD locks for ranges, flock for whole files.
/// </summary>
sealed class LockTable(DescriptorBudget budget) : IDisposable
{
    /// <summary>More waiting requests than this are a guest's mistake or malice.</summary>
    const int MaxWaiters = 4096;

    readonly Lock _lock = new();
    readonly Dictionary<(NodeId Node, ulong Owner, bool IsFlock), int> _descriptions = [];
    readonly SemaphoreSlim _released = new(0);
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
    /// <param name="wanted">The lock.</param>
    /// <param name="file">A descriptor of the file, O_PATH or not.</param>
    /// <param name="open">Opens it anew; a descriptor or −errno. The unit of the budget for it is taken here.</param>
    public Errno TrySet(NodeId node, in FileLock wanted, int file, Func<int, int> open)
    {
        int result;
        lock (_lock)
        {
            var key = (node, wanted.Owner, wanted.IsFlock);
            if (!_descriptions.TryGetValue(key, out var fd))
            {
                if (wanted.Type == FileLockType.Unlock)
                    return Errno.None;
                if (!budget.TryTake())
                    return Errno.ENOLCK;
                fd = open(file);
                if (fd < 0)
                {
                    budget.Return();
                    return fd.ToErrno();
                }
                _descriptions.Add(key, fd);
            }
            result = wanted.IsFlock ? FileLocks.SetWhole(fd, OperationOf(wanted.Type)) : FileLocks.SetRange(fd, RangeOf(wanted));
            if (wanted.Type == FileLockType.Unlock && (wanted.IsFlock || IsWhole(wanted)))
                Remove(key, fd);
        }
        // A write lock that becomes a read lock lets others in as well. A refused attempt wakes nobody: it may be a waiter's own.
        if (result >= 0 && wanted.Type != FileLockType.Write)
            WakeWaiters();
        return result.ToErrno();
    }

    /// <summary>The range lock that stands in the way of <paramref name="wanted"/>.</summary>
    public Reply<FileLock> Get(NodeId node, in FileLock wanted, int file, Func<int, int> open)
    {
        var range = RangeOf(wanted);
        int result;
        lock (_lock)
        {
            if (_descriptions.TryGetValue((node, wanted.Owner, false), out var fd))
            {
                result = FileLocks.GetRange(fd, ref range);
            }
            else
            {
                fd = open(file);
                if (fd < 0)
                    return fd.ToErrno();
                result = FileLocks.GetRange(fd, ref range);
                _ = Descriptors.Close(fd);
            }
        }
        if (result < 0)
            return result.ToErrno();
        if (range.Type == FileLocks.F_UNLCK)
            return new FileLock { Type = FileLockType.Unlock };
        return new FileLock
        {
            Type = (FileLockType)range.Type,
            Start = (ulong)range.Start,
            End = range.Length == 0 ? long.MaxValue : (ulong)(range.Start + range.Length - 1),
        };
    }

    /// <summary>An owner has closed a file: its locks on it go.</summary>
    public void Drop(NodeId node, ulong owner, bool isFlock)
    {
        lock (_lock)
        {
            var key = (node, owner, isFlock);
            if (!_descriptions.TryGetValue(key, out var fd))
                return;
            Remove(key, fd);
        }
        WakeWaiters();
    }

    /// <summary>
    /// Tries until it has the lock, off the queue's thread. The kernel tells of a lock that another process drops only to a thread that
    /// blocks for it, which could not be cancelled; so such locks are asked for again, every <paramref name="interval"/>.
    /// </summary>
    public async ValueTask<Errno> WaitAsync(Func<Errno> attempt, TimeSpan interval, CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _waiters) > MaxWaiters)
        {
            Interlocked.Decrement(ref _waiters);
            return Errno.ENOLCK;
        }
        try
        {
            while (true)
            {
                var error = attempt();
                if (error != Errno.EAGAIN)
                    return error;
                await _released.WaitAsync(interval, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // An interrupt, or the end of what a request may wait: for a lock both are EINTR.
            return Errno.EINTR;
        }
        finally
        {
            Interlocked.Decrement(ref _waiters);
        }
    }

    /// <summary>Drops every lock.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var fd in _descriptions.Values)
            {
                _ = Descriptors.Close(fd);
                budget.Return();
            }
            _descriptions.Clear();
        }
    }

    public void Dispose()
    {
        Clear();
        _released.Dispose();
    }

    static int OperationOf(FileLockType type) => type switch
    {
        FileLockType.Read => FileLocks.LOCK_SH,
        FileLockType.Write => FileLocks.LOCK_EX,
        _ => FileLocks.LOCK_UN,
    };

    static bool IsWhole(in FileLock range) => range.Start == 0 && range.End >= long.MaxValue;

    static ByteRangeLock RangeOf(in FileLock wanted) => new()
    {
        Type = (short)wanted.Type,
        Start = (long)wanted.Start,
        Length = wanted.End >= long.MaxValue ? 0 : (long)(wanted.End - wanted.Start + 1),
    };

    void Remove((NodeId Node, ulong Owner, bool IsFlock) key, int fd)
    {
        _descriptions.Remove(key);
        _ = Descriptors.Close(fd);
        budget.Return();
    }

    void WakeWaiters()
    {
        var waiters = Volatile.Read(ref _waiters);
        if (waiters > 0)
            _released.Release(waiters);
    }
}
