using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Sessions of processes, and waiting for one that is not a child. Results: a descriptor or an id, or −errno.</summary>
public static partial class Processes
{
    // The same number on every architecture (asm-generic/unistd.h); a glibc wrapper came late, with 2.36.
    const nint SYS_pidfd_open = 434;

    /// <summary>A descriptor that becomes readable when the process ends; ESRCH if there is none.</summary>
    public static int OpenDescriptor(int pid) => (int)LastError.Or(syscall(SYS_pidfd_open, pid, 0));

    /// <summary>Leaves the terminal and the process group of whoever started this one. EPERM for the leader of a group.</summary>
    public static int StartSession() => LastError.Or(setsid());

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsid();
}
