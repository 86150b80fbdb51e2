using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Locks that belong to an open description: byte ranges (OFD) and whole files (flock). None of these waits. Results: 0 or −errno.</summary>
public static unsafe partial class FileLocks
{
    public const short F_RDLCK = 0;
    public const short F_WRLCK = 1;
    public const short F_UNLCK = 2;

    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_UN = 8;

    const int LOCK_NB = 4;
    const int F_OFD_GETLK = 36;
    const int F_OFD_SETLK = 37;
    const int F_SETLEASE = 1024;

    /// <summary>Takes, changes or drops a range; EAGAIN where another description's lock stands in the way.</summary>
    public static int SetRange(int fd, in ByteRangeLock wanted)
    {
        fixed (ByteRangeLock* pointer = &wanted)
            return LastError.Or(fcntl(fd, F_OFD_SETLK, (nint)pointer));
    }

    /// <summary>Replaces <paramref name="wanted"/> by a lock that stands in its way, or sets its type to F_UNLCK.</summary>
    public static int GetRange(int fd, ref ByteRangeLock wanted)
    {
        fixed (ByteRangeLock* pointer = &wanted)
            return LastError.Or(fcntl(fd, F_OFD_GETLK, (nint)pointer));
    }

    /// <param name="fd">An open file or directory.</param>
    /// <param name="operation">LOCK_SH, LOCK_EX or LOCK_UN.</param>
    public static int SetWhole(int fd, int operation) => LastError.Or(flock(fd, operation | LOCK_NB));

    /// <summary>Whether any description of the file is open for writing, those that only a mapping holds among them: a lease for reading is given
    /// only where there is none.</summary>
    /// <param name="fd">Open for reading only; the file is this process's user's own, or there is CAP_LEASE.</param>
    /// <returns>1: there is one; 0: there is none; else −errno, of file systems without leases.</returns>
    public static int HasWriter(int fd)
    {
        var result = LastError.Or(fcntl(fd, F_SETLEASE, F_RDLCK));
        if (result == -(int)Errno.EAGAIN)
            return 1;
        return result < 0 ? result : LastError.Or(fcntl(fd, F_SETLEASE, F_UNLCK));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);
}
