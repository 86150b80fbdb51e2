namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>What happens at a system call that the server has no need of.</summary>
enum SeccompAction
{
    /// <summary>It is done: no filter.</summary>
    None,

    /// <summary>The process ends (SECCOMP_RET_KILL_PROCESS).</summary>
    Kill,

    /// <summary>It is done, and the kernel's audit log tells of it (SECCOMP_RET_LOG).</summary>
    Log,

    /// <summary>SIGSYS (SECCOMP_RET_TRAP).</summary>
    Trap,
}
