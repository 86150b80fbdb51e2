using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// A mount namespace of the calling thread's own: programs that it starts see the same files, of which they can change one folder's alone.
/// </summary>
public static unsafe partial class MountNamespace
{
    const ulong MS_BIND = 0x1000;

    /// <summary>
    /// From now on all is read-only for this thread and for what it starts, except <paramref name="folder"/>, which is a mount of its own:
    /// no hard link leads into it from outside, or out of it. For good: the thread is to end soon. Needs CAP_SYS_ADMIN.
    /// </summary>
    /// <returns>0 or −errno.</returns>
    public static int ConfineThreadTo(string folder)
    {
        var result = Namespaces.Unshare(Namespaces.CLONE_NEWNS);
        if (result < 0)
            return result;
        result = MountTrees.SetAttributes("/", new MountAttributes { Set = MountTrees.MOUNT_ATTR_RDONLY, Propagation = MountTrees.MS_PRIVATE }, recursive: true);
        if (result < 0)
            return result;
        fixed (byte* path = Utf8Path.Encode(folder))
            result = LastError.Or(mount(path, path, null, MS_BIND, null));
        return result < 0 ? result : MountTrees.SetAttributes(folder, new MountAttributes { Clear = MountTrees.MOUNT_ATTR_RDONLY }, recursive: false);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mount(byte* source, byte* target, byte* type, ulong flags, byte* data);
}
