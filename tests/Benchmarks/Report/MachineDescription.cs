using System.Diagnostics;
using VirtioFsStore.Benchmarks.Contenders;

namespace VirtioFsStore.Benchmarks.Report;

/// <summary>Where a table was made.</summary>
/// <param name="Kernel">Its version.</param>
/// <param name="Processor">Its model.</param>
/// <param name="Processors">How many this process may use.</param>
/// <param name="Load">The load average before the run: others that use the machine make the spread.</param>
/// <param name="Ours">What the daemon says of its version.</param>
/// <param name="Peer">What the other says of its version.</param>
sealed record MachineDescription(string Kernel, string Processor, int Processors, string Load, string Ours, string Peer)
{
    public static MachineDescription Of(DaemonCommand ours, DaemonCommand peer) => new(
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown",
        Environment.ProcessorCount,
        File.ReadAllText("/proc/loadavg").Trim(),
        Version(ours),
        Version(peer));

    static string Version(DaemonCommand command)
    {
        using var process = Process.Start(new ProcessStartInfo(command.Program, ["--version"]) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return text;
    }
}
