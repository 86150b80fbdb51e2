using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>flock(2): one holder per open description, gone with its last descriptor. Results: 0 or −errno.</summary>
public static partial class WholeFileLock
{
    const int LOCK_EX = 2;
    const int LOCK_NB = 4;

    /// <summary>Waits until the lock is held.</summary>
    public static int Exclusive(int fd)
    {
        int result;
        do
            result = LastError.Or(flock(fd, LOCK_EX));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>−EWOULDBLOCK (EAGAIN) when another holds it.</summary>
    public static int TryExclusive(int fd) => LastError.Or(flock(fd, LOCK_EX | LOCK_NB));

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);
}
