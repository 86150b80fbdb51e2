using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Sessions of processes, and waiting for one that is not a child. Results: a descriptor or an id, or −errno.</summary>
public static partial class Processes
{
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;

    // The same numbers on every architecture (asm-generic/unistd.h); glibc wrappers came late, with 2.36.
    const nint SYS_pidfd_send_signal = 424;
    const nint SYS_pidfd_open = 434;

    const int PR_SET_PDEATHSIG = 1;

    /// <summary>A descriptor that becomes readable when the process ends; ESRCH if there is none.</summary>
    public static int OpenDescriptor(int pid) => (int)LastError.Or(syscall(SYS_pidfd_open, pid, 0));

    /// <summary>Signals the process that <see cref="OpenDescriptor"/> was asked for, and never another that has its number by now.</summary>
    public static int Signal(int descriptor, int signal) => (int)LastError.Or(syscall(SYS_pidfd_send_signal, descriptor, signal, 0, 0));

    /// <summary>This process is killed when its parent ends. Of a parent that has ended already nothing is noticed.</summary>
    public static int EndWithParent() => LastError.Or(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));

    public static int ParentId => getppid();

    /// <summary>Leaves the terminal and the process group of whoever started this one. EPERM for the leader of a group.</summary>
    public static int StartSession() => LastError.Or(setsid());

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsid();

    [LibraryImport("libc")]
    private static partial int getppid();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nint a, nint b, nint c, nint d);
}
