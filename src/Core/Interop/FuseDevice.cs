using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The kernel's end of a FUSE connection: /dev/fuse (linux/fuse.h). Results: a descriptor, or −errno.</summary>
public static unsafe partial class FuseDevice
{
    /// <summary>_IOR(229, 0, uint32_t).</summary>
    const nuint FUSE_DEV_IOC_CLONE = 0x8004E500;

    public static int Open() => Descriptors.Open("/dev/fuse", OpenFlags.O_RDWR);

    /// <summary>A further descriptor of the same connection with a queue lock of its own, so that threads do not meet on one.</summary>
    public static int Clone(int connection)
    {
        var fd = Open();
        if (fd < 0)
            return fd;
        var source = (uint)connection;
        var result = LastError.Or(ioctl(fd, FUSE_DEV_IOC_CLONE, &source));
        if (result >= 0)
            return fd;
        _ = Descriptors.Close(fd);
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int fd, nuint request, uint* argument);
}
