using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;

namespace VirtioFsStore.Daemon.Tests.Callers;

/// <summary>Starts the program as its callers do.</summary>
static class CallerProcess
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>With a listening socket as descriptor 3, and no standard streams but for the one that the tests read: Kata's shim.</summary>
    public static ChildProcess WithListener(InheritedListener listener, params ReadOnlySpan<string> arguments)
    {
        var script = $"exec \"$0\" \"$@\" 3<&{listener.Fd} {listener.Fd}<&- < /dev/null";
        return ChildProcess.Launch("/bin/bash", ["-c", script, Daemon.Program, .. arguments]);
    }

    /// <summary>Returns when the line of readiness has come.</summary>
    public static ChildProcess Ready(string workingDirectory, params ReadOnlySpan<string> arguments) =>
        ChildProcess.Start(Daemon.Program, [.. arguments], workingDirectory: workingDirectory);

    /// <summary>Does not wait: see <see cref="MountWhenListening"/>.</summary>
    public static ChildProcess Started(string workingDirectory, IReadOnlyDictionary<string, string> environment, params ReadOnlySpan<string> arguments) =>
        ChildProcess.Launch(Daemon.Program, [.. arguments], environment: environment, workingDirectory: workingDirectory);

    /// <summary>For callers that are told nothing: they look for the socket until it is there.</summary>
    public static VirtualMachine MountWhenListening(ChildProcess daemon, string socket)
    {
        var deadline = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (true)
        {
            try
            {
                return VirtualMachine.Mount(socket);
            }
            catch (SystemCallException exception) when (exception.Error is Errno.ENOENT or Errno.ECONNREFUSED)
            {
                if (daemon.HasExited || Environment.TickCount64 > deadline)
                    throw new InvalidOperationException($"Nobody listens on {socket}. The daemon wrote: {daemon.ErrorText}", exception);
                Thread.Yield();
            }
        }
    }
}
