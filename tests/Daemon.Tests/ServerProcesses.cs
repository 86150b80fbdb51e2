using System.Diagnostics;
using System.Globalization;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The sandboxed server behind a daemon that a test has started.</summary>
static class ServerProcesses
{
    /// <summary>The one child of the parent.</summary>
    public static int Of(ChildProcess parent) => Directory.GetDirectories("/proc").Select(Path.GetFileName)
        .Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _))
        .Select(name => int.Parse(name!, CultureInfo.InvariantCulture))
        .Single(pid => ParentOf(pid) == parent.Id);

    /// <summary>A field of /proc/PID/status.</summary>
    public static string Status(int pid, string field) =>
        File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith(field + ":", StringComparison.Ordinal))[(field.Length + 1)..].Trim();

    /// <param name="pid">From <see cref="Of"/>.</param>
    /// <param name="signal">Its name without "SIG".</param>
    public static void Signal(int pid, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{pid}"]);
        kill.WaitForExit();
    }

    static int ParentOf(int pid)
    {
        try
        {
            return int.Parse(Status(pid, "PPid"), CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
            return 0;
        }
    }
}
