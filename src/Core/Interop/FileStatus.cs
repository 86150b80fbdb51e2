using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>statx(2), access and statfs. Results: 0 or −errno.</summary>
public static unsafe partial class FileStatus
{
    public const uint STATX_TYPE = 0x1;
    public const uint STATX_MODE = 0x2;
    public const uint STATX_NLINK = 0x4;
    public const uint STATX_INO = 0x100;
    public const uint STATX_BASIC_STATS = 0x7FF;
    public const uint STATX_BTIME = 0x800;
    public const uint STATX_MNT_ID = 0x1000;

    public const int AT_NO_AUTOMOUNT = 0x800;

    /// <summary>faccessat2: judge by the effective ids, as open does.</summary>
    public const int AT_EACCESS = 0x200;

    const nint SYS_faccessat2 = 439;

    public static int Get(int directory, byte* path, int flags, uint mask, Statx* result) =>
        LastError.Or(statx(directory, path, flags, mask, result));

    /// <summary>Of an open descriptor, O_PATH ones included.</summary>
    public static int Get(int fd, uint mask, Statx* result)
    {
        byte empty = 0;
        return LastError.Or(statx(fd, &empty, Descriptors.AT_EMPTY_PATH, mask, result));
    }

    /// <summary>faccessat2(2), Linux 5.8; by system call because glibc's faccessat imitates what old kernels lack.</summary>
    public static int Access(int directory, byte* path, int mode, int flags) =>
        (int)LastError.Or(syscall(SYS_faccessat2, directory, (nint)path, mode, flags));

    /// <summary>fstatfs(2); O_PATH descriptors are fine.</summary>
    public static int FileSystem(int fd, Statfs* result) => LastError.Or(fstatfs(fd, result));

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int directory, byte* path, int flags, uint mask, Statx* buffer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fstatfs(int fd, Statfs* buffer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);
}
