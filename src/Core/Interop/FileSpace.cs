using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>A file's length, the blocks behind it, copies and durability. Results: a position, bytes or 0, or −errno.</summary>
public static unsafe partial class FileSpace
{
    public const int SEEK_SET = 0;
    public const int SEEK_DATA = 3;
    public const int SEEK_HOLE = 4;

    public static int SetLength(int fd, long length)
    {
        int result;
        do
            result = LastError.Or(ftruncate(fd, length));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <param name="mode">FALLOC_FL_* of linux/falloc.h; 0 allocates and extends.</param>
    public static int Allocate(int fd, int mode, long offset, long length)
    {
        int result;
        do
            result = LastError.Or(fallocate(fd, mode, offset, length));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>Frees the blocks of a part, which reads as zeros from then on; the length stays.</summary>
    public static int Punch(int fd, long offset, long length)
    {
        const int FALLOC_FL_KEEP_SIZE = 1;
        const int FALLOC_FL_PUNCH_HOLE = 2;
        return Allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    }

    public static nint Seek(int fd, long offset, int whence) => LastError.Or((nint)lseek(fd, offset, whence));

    public static nint CopyRange(int source, long* sourceOffset, int target, long* targetOffset, nuint length, uint flags)
    {
        nint result;
        do
            result = LastError.Or(copy_file_range(source, sourceOffset, target, targetOffset, length, flags));
        while (result == -(nint)(int)Errno.EINTR);
        return result;
    }

    public static int Sync(int fd) => LastError.Or(fsync(fd));

    public static int SyncData(int fd) => LastError.Or(fdatasync(fd));

    /// <summary>Of the whole file system; not for O_PATH descriptors.</summary>
    public static int SyncFileSystem(int fd) => LastError.Or(syncfs(fd));

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fallocate(int fd, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int whence);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint copy_file_range(int source, long* sourceOffset, int target, long* targetOffset, nuint length, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int syncfs(int fd);
}
