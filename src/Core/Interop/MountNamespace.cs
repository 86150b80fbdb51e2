using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// A mount namespace of the calling thread's own: programs that it starts see the same files, of which they can change one folder's alone.
/// </summary>
public static unsafe partial class MountNamespace
{
    const int CLONE_NEWNS = 0x20000;
    const ulong MS_BIND = 0x1000;
    const ulong MS_PRIVATE = 1 << 18;
    const ulong MOUNT_ATTR_RDONLY = 1;
    const int AT_FDCWD = -100;
    const int AT_RECURSIVE = 0x8000;

    /// <summary>The same on all architectures; Linux 5.12.</summary>
    const nint SYS_mount_setattr = 442;

    /// <summary>
    /// From now on all is read-only for this thread and for what it starts, except <paramref name="folder"/>, which is a mount of its own:
    /// no hard link leads into it from outside, or out of it. For good: the thread is to end soon. Needs CAP_SYS_ADMIN.
    /// </summary>
    /// <returns>0 or −errno.</returns>
    public static int ConfineThreadTo(string folder)
    {
        var result = LastError.Or(unshare(CLONE_NEWNS));
        if (result < 0)
            return result;
        result = SetAttributes("/", new MountAttributes { Set = MOUNT_ATTR_RDONLY, Propagation = MS_PRIVATE }, AT_RECURSIVE);
        if (result < 0)
            return result;
        fixed (byte* path = Utf8Path.Encode(folder))
            result = LastError.Or(mount(path, path, null, MS_BIND, null));
        return result < 0 ? result : SetAttributes(folder, new MountAttributes { Clear = MOUNT_ATTR_RDONLY }, 0);
    }

    static int SetAttributes(string path, MountAttributes attributes, int flags)
    {
        fixed (byte* bytes = Utf8Path.Encode(path))
            return (int)LastError.Or(syscall(SYS_mount_setattr, AT_FDCWD, (nint)bytes, flags, (nint)(&attributes), sizeof(MountAttributes)));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mount(byte* source, byte* target, byte* type, ulong flags, byte* data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e);

    /// <summary>struct mount_attr (linux/mount.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct MountAttributes
    {
        public ulong Set;
        public ulong Clear;
        public ulong Propagation;
        public ulong UserNamespace;
    }
}
