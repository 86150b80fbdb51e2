using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>O_* of asm-generic/fcntl.h; four of them differ on arm64 (arch/arm64/include/uapi/asm/fcntl.h).</summary>
public static class OpenFlags
{
    public const int O_ACCMODE = 0x3;
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_TRUNC = 0x200;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_DSYNC = 0x1000;
    public const int O_SYNC = 0x101000;
    public const int O_NOATIME = 0x40000;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;

    static readonly bool s_arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static int O_DIRECT { get; } = s_arm ? 0x10000 : 0x4000;

    public static int O_LARGEFILE { get; } = s_arm ? 0x20000 : 0x8000;

    public static int O_DIRECTORY { get; } = s_arm ? 0x4000 : 0x10000;

    public static int O_NOFOLLOW { get; } = s_arm ? 0x8000 : 0x20000;

    public static int O_TMPFILE { get; } = 0x400000 | (s_arm ? 0x4000 : 0x10000);
}
