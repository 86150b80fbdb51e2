using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>Holds all of the process's descriptors, up to a soft limit that is lowered meanwhile, but those it leaves.</summary>
sealed unsafe partial class DescriptorShortage : IDisposable
{
    const int RLIMIT_NOFILE = 7;
    const ulong Limit = 4096;

    readonly int _source = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");
    readonly Stack<int> _taken = new((int)Limit);
    readonly ulong _before;

    public DescriptorShortage()
    {
        _before = SetSoftLimit(Limit);
        _ = TakeAll();
    }

    /// <summary>Makes room for exactly so many.</summary>
    public void Leave(int count)
    {
        _ = TakeAll();
        for (var i = 0; i < count; i++)
            _ = Descriptors.Close(_taken.Pop());
    }

    /// <summary>Takes what is left. Answers how many those were.</summary>
    public int TakeAll()
    {
        for (var count = 0; ; count++)
        {
            var fd = Descriptors.Duplicate(_source);
            if (fd == -(int)Errno.EMFILE)
                return count;
            _taken.Push(SystemCallException.ThrowIfError(fd, "fcntl"));
        }
    }

    public void Dispose()
    {
        while (_taken.TryPop(out var fd))
            _ = Descriptors.Close(fd);
        _ = Descriptors.Close(_source);
        _ = SetSoftLimit(_before);
    }

    /// <summary>Answers the one before.</summary>
    static ulong SetSoftLimit(ulong value)
    {
        var limit = stackalloc ulong[2];
        if (getrlimit(RLIMIT_NOFILE, limit) != 0)
            throw new InvalidOperationException("getrlimit");
        var before = limit[0];
        limit[0] = Math.Min(value, limit[1]);
        return setrlimit(RLIMIT_NOFILE, limit) == 0 ? before : throw new InvalidOperationException("setrlimit");
    }

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, ulong* limit);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, ulong* limit);
}
