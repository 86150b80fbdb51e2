using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>openat2(2), Linux 5.6: opening with rules for the resolution. Results: a descriptor, or −errno.</summary>
public static unsafe partial class OpenAt2
{
    public const ulong RESOLVE_NO_MAGICLINKS = 0x02;
    public const ulong RESOLVE_BENEATH = 0x08;
    public const ulong RESOLVE_IN_ROOT = 0x10;

    const nint SYS_openat2 = 437;

    public static int Open(int directory, byte* path, int flags, uint mode, ulong resolve)
    {
        // struct open_how (linux/openat2.h).
        var how = stackalloc ulong[3] { (ulong)(flags | OpenFlags.O_CLOEXEC), mode, resolve };
        nint result;
        do
            result = LastError.Or(syscall(SYS_openat2, directory, (nint)path, (nint)how, 3 * sizeof(ulong)));
        while (result == -(nint)(int)Errno.EINTR);
        return (int)result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);
}
