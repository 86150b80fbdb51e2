using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The root and the working directory of the process, or of a thread that has left the process's (unshare(CLONE_FS)). Results: 0 or −errno.</summary>
public static unsafe partial class RootDirectory
{
    /// <summary>The working directory; any descriptor of a directory will do.</summary>
    public static int Enter(int fd) => LastError.Or(fchdir(fd));

    /// <summary>Makes the working directory the root. CAP_SYS_CHROOT.</summary>
    public static int SetHere()
    {
        fixed (byte* here = "."u8)
            return LastError.Or(chroot(here));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchdir(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int chroot(byte* path);
}
