using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>getrlimit and setrlimit.</summary>
public static unsafe partial class ResourceLimits
{
    const int RLIMIT_NOFILE = 7;

    /// <summary>How many descriptors the process may have open, after raising the soft limit to the hard one.</summary>
    public static long RaiseOpenFiles()
    {
        var limit = stackalloc ulong[2];
        SystemCallException.ThrowIfError(LastError.Or(getrlimit(RLIMIT_NOFILE, limit)), "getrlimit", "RLIMIT_NOFILE");
        if (limit[0] < limit[1])
        {
            var soft = limit[0];
            limit[0] = limit[1];
            // Refused under some sandboxes: the soft limit then stands.
            if (setrlimit(RLIMIT_NOFILE, limit) != 0)
                limit[0] = soft;
        }
        return (long)Math.Min(limit[0], long.MaxValue);
    }

    /// <summary>How many descriptors the process may have open, and the most that it may allow itself.</summary>
    public static (ulong Soft, ulong Hard) GetOpenFiles()
    {
        var limit = stackalloc ulong[2];
        SystemCallException.ThrowIfError(LastError.Or(getrlimit(RLIMIT_NOFILE, limit)), "getrlimit", "RLIMIT_NOFILE");
        return (limit[0], limit[1]);
    }

    /// <summary>Sets both limits, for this process and those that it starts. 0 or −errno; EPERM beyond the hard limit without CAP_SYS_RESOURCE.</summary>
    public static int SetOpenFiles(ulong files)
    {
        var limit = stackalloc ulong[2] { files, files };
        return LastError.Or(setrlimit(RLIMIT_NOFILE, limit));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getrlimit(int resource, ulong* limit);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setrlimit(int resource, ulong* limit);
}
