using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// Mounts as descriptors (Linux 5.12 has all of it): made or copied detached, given attributes, then moved to their place. Results: a
/// descriptor or 0, or −errno.
/// </summary>
public static unsafe partial class MountTrees
{
    public const ulong MOUNT_ATTR_RDONLY = 1;
    public const ulong MOUNT_ATTR_NOSUID = 2;
    public const ulong MOUNT_ATTR_NODEV = 4;
    public const ulong MOUNT_ATTR_NOEXEC = 8;
    public const ulong MS_PRIVATE = 1 << 18;
    public const ulong MS_SLAVE = 1 << 19;

    const int AT_RECURSIVE = 0x8000;
    const uint OPEN_TREE_CLONE = 1;
    const uint OPEN_TREE_CLOEXEC = 0x80000;
    const uint MOVE_MOUNT_F_EMPTY_PATH = 4;
    const uint FSOPEN_CLOEXEC = 1;
    const uint FSMOUNT_CLOEXEC = 1;
    const uint FSCONFIG_SET_FLAG = 0;
    const uint FSCONFIG_SET_STRING = 1;
    const uint FSCONFIG_CMD_CREATE = 6;
    const int MNT_DETACH = 2;

    // The same on all architectures.
    const nint SYS_open_tree = 428;
    const nint SYS_move_mount = 429;
    const nint SYS_fsopen = 430;
    const nint SYS_fsconfig = 431;
    const nint SYS_fsmount = 432;
    const nint SYS_mount_setattr = 442;

    static readonly nint s_pivotRoot = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 41 : 155;

    /// <summary>A copy of the mounts at <paramref name="path"/> and below, attached nowhere.</summary>
    public static int Copy(string path)
    {
        fixed (byte* bytes = Utf8Path.Encode(path))
            return (int)LastError.Or(syscall(SYS_open_tree, Descriptors.AT_FDCWD, (nint)bytes, (nint)(OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), 0, 0));
    }

    /// <summary>A copy of the mounts where <paramref name="fd"/> is and below, attached nowhere.</summary>
    public static int Copy(int fd)
    {
        byte empty = 0;
        return (int)LastError.Or(syscall(SYS_open_tree, fd, (nint)(&empty), (nint)(OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | Descriptors.AT_EMPTY_PATH), 0, 0));
    }

    /// <summary>A new file system of its own, attached nowhere.</summary>
    /// <param name="type">E.g. tmpfs.</param>
    /// <param name="options">As fsconfig takes them; a value of null is a flag.</param>
    /// <param name="attributes">MOUNT_ATTR_*.</param>
    public static int Create(string type, ReadOnlySpan<(string Key, string? Value)> options, ulong attributes)
    {
        int context;
        fixed (byte* name = Utf8Path.Encode(type))
            context = (int)LastError.Or(syscall(SYS_fsopen, (nint)name, (nint)FSOPEN_CLOEXEC, 0, 0, 0));
        if (context < 0)
            return context;
        try
        {
            foreach (var (key, value) in options)
            {
                fixed (byte* keyBytes = Utf8Path.Encode(key), valueBytes = value is null ? null : Utf8Path.Encode(value))
                {
                    var set = (int)LastError.Or(syscall(SYS_fsconfig, context, (nint)(value is null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING), (nint)keyBytes, (nint)valueBytes, 0));
                    if (set < 0)
                        return set;
                }
            }
            var made = (int)LastError.Or(syscall(SYS_fsconfig, context, (nint)FSCONFIG_CMD_CREATE, 0, 0, 0));
            return made < 0 ? made : (int)LastError.Or(syscall(SYS_fsmount, context, (nint)FSMOUNT_CLOEXEC, (nint)attributes, 0, 0));
        }
        finally
        {
            _ = Descriptors.Close(context);
        }
    }

    /// <summary>Changes the mount where <paramref name="fd"/> is, and those below it if <paramref name="recursive"/>.</summary>
    /// <param name="fd">A mount's descriptor, or O_PATH of its root.</param>
    /// <param name="set">MOUNT_ATTR_* to set.</param>
    /// <param name="propagation">MS_PRIVATE or MS_SLAVE; 0 leaves it.</param>
    /// <param name="recursive">Whether mounts below it change too.</param>
    public static int SetAttributes(int fd, ulong set, ulong propagation, bool recursive)
    {
        byte empty = 0;
        var attributes = new MountAttributes { Set = set, Propagation = propagation };
        return (int)LastError.Or(syscall(SYS_mount_setattr, fd, (nint)(&empty), Descriptors.AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), (nint)(&attributes), sizeof(MountAttributes)));
    }

    /// <inheritdoc cref="SetAttributes(int, ulong, ulong, bool)"/>
    public static int SetAttributes(string path, MountAttributes attributes, bool recursive)
    {
        fixed (byte* bytes = Utf8Path.Encode(path))
            return (int)LastError.Or(syscall(SYS_mount_setattr, Descriptors.AT_FDCWD, (nint)bytes, recursive ? AT_RECURSIVE : 0, (nint)(&attributes), sizeof(MountAttributes)));
    }

    /// <summary>Attaches a detached mount at <paramref name="path"/>.</summary>
    public static int Attach(int mount, string path)
    {
        byte empty = 0;
        fixed (byte* target = Utf8Path.Encode(path))
            return (int)LastError.Or(syscall(SYS_move_mount, mount, (nint)(&empty), Descriptors.AT_FDCWD, (nint)target, (nint)MOVE_MOUNT_F_EMPTY_PATH));
    }

    /// <summary>Makes <paramref name="mount"/>, attached in this thread's namespace, its root, and takes the old one out of the namespace.</summary>
    public static int Pivot(int mount)
    {
        fixed (byte* here = "."u8)
        {
            var result = RootDirectory.Enter(mount);
            if (result < 0)
                return result;
            // The old root comes to lie on top of the new one (pivot_root(2), "pivot_root(".", ".")").
            result = (int)LastError.Or(syscall(s_pivotRoot, (nint)here, (nint)here, 0, 0, 0));
            return result < 0 ? result : LastError.Or(umount2(here, MNT_DETACH));
        }
    }

    /// <summary>Detaches what is mounted at <paramref name="path"/>, with all below it, now or when it is not used any more.</summary>
    public static int Detach(string path) => Mounting.Unmount(path, MNT_DETACH);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int umount2(byte* target, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e);
}
