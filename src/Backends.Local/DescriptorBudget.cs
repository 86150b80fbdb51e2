using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local;

/// <summary>How many descriptors guests may make a process hold, so that it never runs out of those it needs itself.</summary>
public sealed class DescriptorBudget
{
    /// <summary>Kept back for queues, sockets, the runtime's own files and short-lived opens.</summary>
    const int Reserve = 512;

    int _used;

    public DescriptorBudget(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 16);
        Limit = limit;
    }

    public int Limit { get; }

    public int Used => Volatile.Read(ref _used);

    /// <summary>What RLIMIT_NOFILE leaves after a reserve; raises the soft limit to the hard one.</summary>
    public static DescriptorBudget FromResourceLimit()
    {
        // The slots of the inode table have 20 bits for a descriptor.
        var limit = (int)Math.Min(ResourceLimits.RaiseOpenFiles(), 1 << 20);
        return new DescriptorBudget(Math.Max(16, limit - Math.Min(Reserve, limit / 4)));
    }

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _used) <= Limit)
            return true;
        Interlocked.Decrement(ref _used);
        return false;
    }

    public void Return() => Interlocked.Decrement(ref _used);
}
