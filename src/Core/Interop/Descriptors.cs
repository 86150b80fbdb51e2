using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Opening, closing and duplicating descriptors. Results: a descriptor or 0, or −errno.</summary>
public static unsafe partial class Descriptors
{
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const int AT_EMPTY_PATH = 0x1000;

    public static int OpenAt(int directory, byte* path, int flags, uint mode = 0)
    {
        int result;
        do
            result = LastError.Or(openat(directory, path, flags | OpenFlags.O_CLOEXEC, mode));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    public static int Open(string path, int flags, uint mode = 0)
    {
        fixed (byte* bytes = Utf8Path.Encode(path))
            return OpenAt(AT_FDCWD, bytes, flags, mode);
    }

    /// <summary>Never retried: Linux releases the descriptor even when close answers EINTR.</summary>
    public static int Close(int fd) => LastError.Or(close(fd));

    /// <summary>dup with close-on-exec; the new number is <paramref name="least"/> or above.</summary>
    public static int Duplicate(int fd, int least = 3) => LastError.Or(fcntl(fd, F_DUPFD_CLOEXEC, least));

    /// <summary>
    /// Makes <paramref name="target"/>, which is open, mean what <paramref name="fd"/> means, in one step: a thread that writes
    /// to the number meanwhile reaches the old file or the new one, never a third.
    /// </summary>
    public static int Replace(int fd, int target)
    {
        int result;
        do
            result = LastError.Or(dup3(fd, target, OpenFlags.O_CLOEXEC));
        while (result == -(int)Errno.EINTR || result == -(int)Errno.EBUSY);
        return result;
    }

    /// <summary>O_NONBLOCK, which belongs to the open description: who else has it sees it too.</summary>
    public static int SetNonBlocking(int fd)
    {
        var flags = LastError.Or(fcntl(fd, F_GETFL, 0));
        return flags < 0 ? flags : LastError.Or(fcntl(fd, F_SETFL, flags | OpenFlags.O_NONBLOCK));
    }

    public static int SetCloseOnExec(int fd) => LastError.Or(fcntl(fd, F_SETFD, FD_CLOEXEC));

    /// <summary>Programs started next get none of the descriptors from <paramref name="least"/> on.</summary>
    public static int SetAllCloseOnExec(int least) => (int)LastError.Or(syscall(SYS_close_range, least, nint.MaxValue, CLOSE_RANGE_CLOEXEC));

    /// <summary>A program started next gets the descriptor under the same number.</summary>
    public static int SetInheritable(int fd) => LastError.Or(fcntl(fd, F_SETFD, 0));

    /// <summary>As <see cref="Replace"/>, and programs started next get it too: for the three standard streams.</summary>
    public static int ReplaceInheritable(int fd, int target)
    {
        int result;
        do
            result = LastError.Or(dup3(fd, target, 0));
        while (result == -(int)Errno.EINTR || result == -(int)Errno.EBUSY);
        return result;
    }

    const int F_DUPFD_CLOEXEC = 1030;
    const int F_SETFD = 2;
    const int F_GETFL = 3;
    const int F_SETFL = 4;
    const int FD_CLOEXEC = 1;
    const int CLOSE_RANGE_CLOEXEC = 4;

    /// <summary>The same on all architectures; Linux 5.9, glibc 2.34.</summary>
    const nint SYS_close_range = 436;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int openat(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup3(int fd, int target, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint first, nint last, nint flags);
}
