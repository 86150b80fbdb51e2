using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>A file's length and the blocks behind it. Results: 0 or −errno.</summary>
public static partial class FileSpace
{
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

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fallocate(int fd, int mode, long offset, long length);
}
