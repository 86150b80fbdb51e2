using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.SandboxProbe;

/// <summary>Signals that come when the process has only to end.</summary>
static class LateSignals
{
    /// <summary>Sends itself each, and says so once none has ended it.</summary>
    public static void Meet()
    {
        new StopSignals(NullLogger.Instance).Dispose();
        foreach (var signal in (string[])["TERM", "INT", "TERM"])
        {
            using var kill = Process.Start("/bin/kill", [$"-{signal}", $"{Environment.ProcessId}"]);
            kill.WaitForExit();
        }
        Console.WriteLine("done");
    }
}
