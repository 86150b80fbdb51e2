using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// A Landlock domain (landlock(7)) for the calling thread and what it starts, wanted for one thing: whoever is in it can neither trace nor look into
/// (/proc/PID/root, fd, …) a process outside, whatever its user ids and capabilities.
/// </summary>
public static unsafe partial class Landlock
{
    // The same on all architectures.
    const nint SYS_landlock_create_ruleset = 444;
    const nint SYS_landlock_add_rule = 445;
    const nint SYS_landlock_restrict_self = 446;

    const nint LANDLOCK_CREATE_RULESET_VERSION = 1;
    const nint LANDLOCK_RULE_PATH_BENEATH = 1;
    const ulong LANDLOCK_ACCESS_FS_REFER = 1 << 13;
    const ulong LANDLOCK_ACCESS_NET_BIND_TCP = 1;
    const ulong LANDLOCK_ACCESS_NET_CONNECT_TCP = 2;

    /// <summary>The first version that can be told to leave renames and links alone; Linux 5.19.</summary>
    const int VersionWithRefer = 2;

    /// <summary>The first version that knows of networks; Linux 6.7.</summary>
    const int VersionWithNetwork = 4;

    /// <summary>Whether this kernel has what <see cref="RestrictThread"/> needs.</summary>
    public static bool IsThere => Version >= VersionWithRefer;

    static nint Version => LastError.Or(syscall(SYS_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION, 0));

    /// <summary>Enters a domain that forbids TCP, or where Landlock knows of no networks nothing else. Needs NO_NEW_PRIVS or CAP_SYS_ADMIN.</summary>
    /// <param name="root">Of all files that the thread will see: O_PATH.</param>
    /// <returns>0 or −errno.</returns>
    public static int RestrictThread(int root)
    {
        var version = Version;
        // struct landlock_ruleset_attr {handled_access_fs, handled_access_net}. A domain that handles files but not REFER forbids every rename
        // from one directory to another.
        var attributes = stackalloc ulong[2] { version >= VersionWithNetwork ? 0 : LANDLOCK_ACCESS_FS_REFER, LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP };
        var size = version >= VersionWithNetwork ? 2 * sizeof(ulong) : sizeof(ulong);
        var ruleset = (int)LastError.Or(syscall(SYS_landlock_create_ruleset, (nint)attributes, size, 0, 0));
        if (ruleset < 0)
            return ruleset;
        try
        {
            if (version < VersionWithNetwork)
            {
                // struct landlock_path_beneath_attr, packed.
                var rule = stackalloc byte[12];
                *(ulong*)rule = LANDLOCK_ACCESS_FS_REFER;
                *(int*)(rule + 8) = root;
                var added = (int)LastError.Or(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, (nint)rule, 0));
                if (added < 0)
                    return added;
            }
            return (int)LastError.Or(syscall(SYS_landlock_restrict_self, ruleset, 0, 0, 0));
        }
        finally
        {
            _ = Descriptors.Close(ruleset);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);
}
