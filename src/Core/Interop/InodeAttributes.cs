using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Changing mode, owner, size and times by descriptor. Results: 0 or −errno.</summary>
public static unsafe partial class InodeAttributes
{
    public const long UTIME_NOW = (1L << 30) - 1;
    public const long UTIME_OMIT = (1L << 30) - 2;

    const nint SYS_fchmodat2 = 452;

    /// <summary>fchmodat2(2), Linux 6.6 (ENOSYS before): the only chmod that takes AT_EMPTY_PATH and so an O_PATH descriptor.</summary>
    public static int ChangeModeAt2(int directory, byte* path, uint mode, int flags) =>
        (int)LastError.Or(syscall(SYS_fchmodat2, directory, (nint)path, (nint)mode, flags));

    /// <summary>fchmodat(2), follows links.</summary>
    public static int ChangeModeAt(int directory, byte* path, uint mode) => LastError.Or(fchmodat(directory, path, mode, 0));

    /// <param name="uid">uint.MaxValue: unchanged.</param>
    /// <param name="gid">uint.MaxValue: unchanged.</param>
    public static int ChangeOwner(int directory, byte* path, uint uid, uint gid, int flags) =>
        LastError.Or(fchownat(directory, path, uid, gid, flags));

    /// <param name="times">Access, then modification.</param>
    public static int SetTimes(int directory, byte* path, Timespec* times, int flags) =>
        LastError.Or(utimensat(directory, path, times, flags));

    /// <summary>truncate(2), follows links.</summary>
    public static int Truncate(byte* path, long length)
    {
        int result;
        do
            result = LastError.Or(truncate(path, length));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmodat(int directory, byte* path, uint mode, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchownat(int directory, byte* path, uint uid, uint gid, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int utimensat(int directory, byte* path, Timespec* times, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int truncate(byte* path, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);
}
