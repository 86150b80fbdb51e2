using System.Globalization;
using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>Confines the process to the system calls that serving needs (<see cref="ServerCalls"/>).</summary>
static class SeccompFilter
{
    /// <summary>
    /// Every thread, those that already run included, from now on and for good. After set-up: what is set up later must do with
    /// what serving needs. Nothing with <see cref="SeccompAction.None"/>.
    /// </summary>
    /// <param name="action">What becomes of a call that is not needed.</param>
    /// <param name="keeper">See <see cref="ServerCalls.RulesOf"/>.</param>
    /// <exception cref="IOException">The kernel will not: nothing is confined.</exception>
    public static void Install(SeccompAction action, bool keeper = false)
    {
        if (action == SeccompAction.None)
            return;
        var otherwise = Otherwise(action);
        Check(Seccomp.HasAction(otherwise));
        SystemCallException.ThrowIfError(ThreadPrivileges.ForbidNewPrivileges(), "prctl", "PR_SET_NO_NEW_PRIVS");
        var result = Seccomp.InstallForAllThreads(Build(RuntimeInformation.ProcessArchitecture, Environment.ProcessId, otherwise, keeper));
        Check(result);
        if (result > 0)
            throw new IOException($"cannot filter system calls: thread {result.ToString(CultureInfo.InvariantCulture)} is under another filter; --seccomp=none goes without");
    }

    /// <param name="architecture">Whose calls; x64 or arm64.</param>
    /// <param name="processId">The process that will be under it: the only one that it may signal.</param>
    /// <param name="otherwise">SECCOMP_RET_… for what the server has no need of.</param>
    /// <param name="keeper">See <see cref="ServerCalls.RulesOf"/>.</param>
    public static FilterInstruction[] Build(Architecture architecture, int processId, uint otherwise, bool keeper = false) =>
        FilterAssembler.Assemble(architecture, ServerCalls.RulesOf(processId, keeper), otherwise);

    /// <summary>What the kernel does with a call that the server has no need of: SECCOMP_RET_….</summary>
    public static uint Otherwise(SeccompAction action) => action switch
    {
        SeccompAction.Kill => Seccomp.RET_KILL_PROCESS,
        SeccompAction.Log => Seccomp.RET_LOG,
        SeccompAction.Trap => Seccomp.RET_TRAP,
        _ => Seccomp.RET_ALLOW,
    };

    static void Check(int result)
    {
        if (result < 0)
            throw new IOException($"cannot filter system calls (seccomp: {result.ToErrno().Describe()}): Linux 4.14 with CONFIG_SECCOMP_FILTER can; --seccomp=none goes without");
    }
}
