using System.Runtime.InteropServices;
using VirtioFsStore.Daemon.Sandboxing;

namespace VirtioFsStore.SandboxProbe;

/// <summary>Tells a signal that can be caught (trap) from one that cannot (kill).</summary>
static class ForbiddenCalls
{
    const PosixSignal SIGSYS = (PosixSignal)31;

    public static void Catch(SeccompAction action, string name, ReadOnlySpan<string> arguments)
    {
        using var caught = new ManualResetEventSlim();
        using var registration = PosixSignalRegistration.Create(SIGSYS, context =>
        {
            context.Cancel = true;
            caught.Set();
        });
        SeccompFilter.Install(action);
        _ = RawCall.Make(name, arguments);
        Console.WriteLine(caught.Wait(TimeSpan.FromSeconds(30)) ? "SIGSYS" : "no signal");
    }
}
