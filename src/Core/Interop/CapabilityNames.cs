namespace VirtioFsStore.Core.Interop;

/// <summary>The kernel's capabilities by name, without "CAP_" (linux/capability.h).</summary>
public static class CapabilityNames
{
    /// <summary>A name's place is the capability's number.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
        "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
        "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ];

    /// <summary>The number, or −1.</summary>
    public static int Find(string name)
    {
        for (var i = 0; i < All.Count; i++)
        {
            if (All[i] == name)
                return i;
        }
        return -1;
    }
}
