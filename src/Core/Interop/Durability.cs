using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Seeing to it that what was written survives. Results: 0 or −errno.</summary>
public static partial class Durability
{
    /// <summary>Starts writeback of a range without waiting (sync_file_range(2)); promises nothing.</summary>
    public const uint SYNC_FILE_RANGE_WRITE = 2;

    public static int Sync(int fd)
    {
        int result;
        do
            result = LastError.Or(fsync(fd));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    public static int SyncData(int fd)
    {
        int result;
        do
            result = LastError.Or(fdatasync(fd));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    public static int SyncRange(int fd, long offset, long length, uint flags) =>
        LastError.Or(sync_file_range(fd, offset, length, flags));

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sync_file_range(int fd, long offset, long length, uint flags);
}
