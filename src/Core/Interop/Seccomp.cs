using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Filters of system calls: seccomp(2). Results: 0 or above, or −errno.</summary>
public static unsafe partial class Seccomp
{
    // Offsets in struct seccomp_data (linux/seccomp.h); an argument's low word comes first on the architectures that this runs on.
    public const uint NumberOffset = 0;
    public const uint ArchitectureOffset = 4;
    public const uint ArgumentsOffset = 16;

    public const uint RET_KILL_PROCESS = 0x80000000;
    public const uint RET_TRAP = 0x00030000;
    public const uint RET_ERRNO = 0x00050000;
    public const uint RET_LOG = 0x7FFC0000;
    public const uint RET_ALLOW = 0x7FFF0000;

    // linux/audit.h.
    public const uint AUDIT_ARCH_X86_64 = 0xC000003E;
    public const uint AUDIT_ARCH_AARCH64 = 0xC00000B7;

    /// <summary>__X32_SYSCALL_BIT: from here on, numbers of the x32 interface, which shares x86-64's architecture.</summary>
    public const uint X32_SYSCALL_BIT = 0x40000000;

    const nint SECCOMP_SET_MODE_FILTER = 1;
    const nint SECCOMP_GET_ACTION_AVAIL = 2;
    const nint SECCOMP_FILTER_FLAG_TSYNC = 1;

    static readonly nint s_seccomp = SystemCalls.Find("seccomp").Number;

    /// <summary>0 where the kernel knows the action (a <c>RET_</c> value), EOPNOTSUPP where it does not, ENOSYS or EINVAL where it has no filters.</summary>
    public static int HasAction(uint action) => (int)LastError.Or(syscall(s_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, (nint)(&action)));

    /// <summary>
    /// Puts every thread of the process, and all that they start, under the filter, for good. With it they all get what
    /// <see cref="ThreadPrivileges.ForbidNewPrivileges"/> gave the calling thread, without which only root may do this.
    /// </summary>
    /// <returns>0, −errno, or the id of a thread that could not be covered: no thread is then.</returns>
    public static int InstallForAllThreads(ReadOnlySpan<FilterInstruction> program)
    {
        fixed (FilterInstruction* instructions = program)
        {
            var description = new Program { Length = checked((ushort)program.Length), Instructions = instructions };
            return (int)LastError.Or(syscall(s_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, (nint)(&description)));
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint operation, nint flags, nint argument);

    /// <summary>struct sock_fprog (linux/filter.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct Program
    {
        public ushort Length;
        public FilterInstruction* Instructions;
    }
}
