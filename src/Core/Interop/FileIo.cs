using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Reading and writing by descriptor. Results: bytes, or −errno.</summary>
public static unsafe partial class FileIo
{
    /// <summary>IOV_MAX (linux/uio.h): the most iovecs one call takes.</summary>
    public const int MaxVectors = 1024;

    const nint Interrupted = -(nint)(int)Errno.EINTR;

    public static nint Read(int fd, byte* buffer, nuint count)
    {
        nint result;
        do
            result = LastError.Or(read(fd, buffer, count));
        while (result == Interrupted);
        return result;
    }

    public static nint Write(int fd, byte* buffer, nuint count)
    {
        nint result;
        do
            result = LastError.Or(write(fd, buffer, count));
        while (result == Interrupted);
        return result;
    }

    public static nint ReadAt(int fd, byte* buffer, nuint count, long offset)
    {
        nint result;
        do
            result = LastError.Or(pread(fd, buffer, count, offset));
        while (result == Interrupted);
        return result;
    }

    public static nint WriteAt(int fd, byte* buffer, nuint count, long offset)
    {
        nint result;
        do
            result = LastError.Or(pwrite(fd, buffer, count, offset));
        while (result == Interrupted);
        return result;
    }

    /// <param name="flags">RWF_* of linux/fs.h.</param>
    public static nint ReadVectorsAt(int fd, Iovec* vectors, int count, long offset, int flags = 0)
    {
        nint result;
        do
            result = LastError.Or(preadv2(fd, vectors, count, offset, flags));
        while (result == Interrupted);
        return result;
    }

    /// <inheritdoc cref="ReadVectorsAt"/>
    public static nint WriteVectorsAt(int fd, Iovec* vectors, int count, long offset, int flags = 0)
    {
        nint result;
        do
            result = LastError.Or(pwritev2(fd, vectors, count, offset, flags));
        while (result == Interrupted);
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pread(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwrite(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint preadv2(int fd, Iovec* vectors, int count, long offset, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwritev2(int fd, Iovec* vectors, int count, long offset, int flags);
}
