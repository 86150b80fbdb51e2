using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Benchmarks.Interop;

/// <summary>Processor time and affinity of processes and threads.</summary>
static unsafe partial class Scheduling
{
    const int CLOCK_THREAD_CPUTIME_ID = 3;
    const int MaskWords = 16;

    /// <summary>Nanoseconds that all threads of a process have run, those that ended included.</summary>
    public static long ProcessTime(int pid)
    {
        // MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) (linux/posix-timers.h); what clock_getcpuclockid answers.
        return Read((~pid << 3) | 2);
    }

    /// <summary>Nanoseconds that the calling thread has run.</summary>
    public static long ThreadTime() => Read(CLOCK_THREAD_CPUTIME_ID);

    /// <summary>The processors that a thread may run on, as a mask. 0 is the calling thread.</summary>
    public static ulong[] GetAffinity(int thread)
    {
        var mask = new ulong[MaskWords];
        fixed (ulong* words = mask)
            SystemCallException.ThrowIfError(Check(sched_getaffinity(thread, MaskWords * sizeof(ulong), words)), "sched_getaffinity");
        return mask;
    }

    /// <summary>Threads that have ended meanwhile are passed over.</summary>
    public static void SetAffinity(int thread, ulong[] mask)
    {
        int result;
        fixed (ulong* words = mask)
            result = Check(sched_setaffinity(thread, (nuint)mask.Length * sizeof(ulong), words));
        if (result.ToErrno() != Errno.ESRCH)
            SystemCallException.ThrowIfError(result, "sched_setaffinity");
    }

    static long Read(int clock)
    {
        Timespec time;
        SystemCallException.ThrowIfError(Check(clock_gettime(clock, &time)), "clock_gettime");
        return time.Seconds * 1_000_000_000 + time.Nanoseconds;
    }

    static int Check(int result) => result == -1 ? -Marshal.GetLastPInvokeError() : result;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, Timespec* time);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_getaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint size, ulong* mask);
}
