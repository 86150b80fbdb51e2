using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>unshare(2) of the calling thread, and of what it starts. Results: 0 or −errno.</summary>
public static partial class Namespaces
{
    public const int CLONE_NEWNS = 0x20000;
    public const int CLONE_NEWUTS = 0x4000000;
    public const int CLONE_NEWIPC = 0x8000000;
    public const int CLONE_NEWNET = 0x40000000;

    public static int Unshare(int flags) => LastError.Or(unshare(flags));

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);
}
