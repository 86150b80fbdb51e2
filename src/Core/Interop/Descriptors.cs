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

    /// <summary>dup with close-on-exec.</summary>
    public static int Duplicate(int fd) => LastError.Or(fcntl(fd, F_DUPFD_CLOEXEC, 3));

    const int F_DUPFD_CLOEXEC = 1030;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int openat(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);
}
