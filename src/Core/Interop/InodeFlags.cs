using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The flags that chattr(1) shows (ioctl_iflags(2)). Results: 0, or −errno.</summary>
public static unsafe partial class InodeFlags
{
    /// <summary>Nobody can write to the file, nor change its size, its attributes or its names; to set and to clear it takes CAP_LINUX_IMMUTABLE.</summary>
    public const int FS_IMMUTABLE_FL = 0x10;

    /// <summary>_IOR('f', 1, long), though what is stored is an int.</summary>
    const nuint FS_IOC_GETFLAGS = 0x80086601;

    /// <summary>_IOW('f', 2, long).</summary>
    const nuint FS_IOC_SETFLAGS = 0x40086602;

    public static int Get(int fd, out int flags)
    {
        // A kernel that stores a long finds room.
        long value = 0;
        var result = LastError.Or(ioctl(fd, FS_IOC_GETFLAGS, &value));
        flags = (int)value;
        return result;
    }

    public static int Set(int fd, int flags)
    {
        long value = flags;
        return LastError.Or(ioctl(fd, FS_IOC_SETFLAGS, &value));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int fd, nuint request, long* argument);
}
