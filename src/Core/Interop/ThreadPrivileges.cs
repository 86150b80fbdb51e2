using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// What the calling thread, and a program that it starts, can come to hold (capabilities(7), prctl(2)). Results: 0 or above, or −errno.
/// Other threads keep what they have.
/// </summary>
public static partial class ThreadPrivileges
{
    const int PR_CAPBSET_READ = 23;
    const int PR_CAPBSET_DROP = 24;
    const int PR_SET_NO_NEW_PRIVS = 38;
    const int PR_CAP_AMBIENT = 47;
    const nint PR_CAP_AMBIENT_IS_SET = 1;
    const nint PR_CAP_AMBIENT_LOWER = 3;
    const nint PR_CAP_AMBIENT_CLEAR_ALL = 4;

    /// <summary>From now on no set-user-ID bit, file capability or root's execve gives anything that the thread does not have.</summary>
    public static int ForbidNewPrivileges() => LastError.Or(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));

    /// <summary>1 where the capability is in the bounding set, 0 where not, EINVAL where the kernel has none of that number.</summary>
    public static int IsInBoundingSet(int capability) => LastError.Or(prctl(PR_CAPBSET_READ, capability, 0, 0, 0));

    /// <summary>Needs CAP_SETPCAP.</summary>
    public static int DropFromBoundingSet(int capability) => LastError.Or(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));

    /// <summary>1 where a program of any user's that the thread starts keeps the capability.</summary>
    public static int IsAmbient(int capability) => LastError.Or(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0));

    public static int LowerAmbient(int capability) => LastError.Or(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, capability, 0, 0));

    public static int ClearAmbient() => LastError.Or(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));

    // Variadic in the header; its five arguments go in registers all the same on both architectures.
    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nint a, nint b, nint c, nint d);
}
