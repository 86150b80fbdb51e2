using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>mount(2) and umount2(2). Results: 0, or −errno.</summary>
public static unsafe partial class Mounting
{
    public const int MNT_FORCE = 1;
    public const int MNT_DETACH = 2;

    const int UMOUNT_NOFOLLOW = 8;

    public static int Mount(string source, string target, string type, MountFlags flags, string data)
    {
        fixed (byte* sourceBytes = Utf8Path.Encode(source), targetBytes = Utf8Path.Encode(target), typeBytes = Utf8Path.Encode(type), dataBytes = Utf8Path.Encode(data))
            return LastError.Or(mount(sourceBytes, targetBytes, typeBytes, (ulong)flags, dataBytes));
    }

    /// <param name="target">Without links: one that has been put in its place since it was looked at is not followed.</param>
    /// <param name="flags">MNT_*.</param>
    public static int Unmount(string target, int flags)
    {
        fixed (byte* bytes = Utf8Path.Encode(target))
            return LastError.Or(umount2(bytes, flags | UMOUNT_NOFOLLOW));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mount(byte* source, byte* target, byte* type, ulong flags, byte* data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int umount2(byte* target, int flags);
}
