using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// Ids, groups, capabilities and the umask of the calling thread alone. By raw system calls: glibc's functions of the same
/// names signal every thread of the process to follow. Results: 0 or −errno.
/// </summary>
public static unsafe partial class ThreadCredentials
{
    public const uint Unchanged = uint.MaxValue;

    public const int CAP_CHOWN = 0;
    public const int CAP_DAC_OVERRIDE = 1;
    public const int CAP_DAC_READ_SEARCH = 2;
    public const int CAP_FOWNER = 3;
    public const int CAP_FSETID = 4;
    public const int CAP_SETGID = 6;
    public const int CAP_SETUID = 7;
    public const int CAP_SETPCAP = 8;
    public const int CAP_SYS_CHROOT = 18;
    public const int CAP_SYS_ADMIN = 21;
    public const int CAP_MKNOD = 27;
    public const int CAP_SETFCAP = 31;

    const uint CapabilityVersion3 = 0x20080522;
    const int CLONE_FS = 0x200;

    static readonly nint s_setgroups = SystemCalls.Find("setgroups").Number;
    static readonly nint s_setresuid = SystemCalls.Find("setresuid").Number;
    static readonly nint s_setresgid = SystemCalls.Find("setresgid").Number;
    static readonly nint s_capget = SystemCalls.Find("capget").Number;
    static readonly nint s_capset = SystemCalls.Find("capset").Number;

    public static uint EffectiveUserId => geteuid();

    public static uint EffectiveGroupId => getegid();

    public static int SetUserIds(uint real, uint effective, uint saved) =>
        (int)LastError.Or(syscall(s_setresuid, (nint)real, (nint)effective, (nint)saved));

    public static int SetGroupIds(uint real, uint effective, uint saved) =>
        (int)LastError.Or(syscall(s_setresgid, (nint)real, (nint)effective, (nint)saved));

    public static int SetGroups(uint* groups, int count) => (int)LastError.Or(syscall(s_setgroups, count, (nint)groups, 0));

    /// <summary>The supplementary groups; for set-up.</summary>
    public static uint[] GetGroups()
    {
        var count = SystemCallException.ThrowIfError(LastError.Or(getgroups(0, null)), "getgroups");
        var groups = new uint[count];
        fixed (uint* pointer = groups)
            SystemCallException.ThrowIfError(LastError.Or(getgroups(count, pointer)), "getgroups");
        return groups;
    }

    public static int GetCapabilities(out CapabilitySets sets)
    {
        var header = stackalloc uint[2] { CapabilityVersion3, 0 };
        var data = stackalloc uint[6];
        var result = (int)LastError.Or(syscall(s_capget, (nint)header, (nint)data, 0));
        sets = new CapabilitySets(data[0] | ((ulong)data[3] << 32), data[1] | ((ulong)data[4] << 32), data[2] | ((ulong)data[5] << 32));
        return result;
    }

    public static int SetCapabilities(in CapabilitySets sets)
    {
        var header = stackalloc uint[2] { CapabilityVersion3, 0 };
        var data = stackalloc uint[6]
        {
            (uint)sets.Effective, (uint)sets.Permitted, (uint)sets.Inheritable,
            (uint)(sets.Effective >> 32), (uint)(sets.Permitted >> 32), (uint)(sets.Inheritable >> 32),
        };
        return (int)LastError.Or(syscall(s_capset, (nint)header, (nint)data, 0));
    }

    /// <summary>Gives the thread a umask, root and working directory of its own from now on.</summary>
    public static int UnshareFileSystemState() => LastError.Or(unshare(CLONE_FS));

    /// <summary>Of every thread that shares file-system state with this one; returns the mask before.</summary>
    public static uint SetUmask(uint mask) => umask(mask);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial uint getegid();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getgroups(int size, uint* groups);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c);
}
