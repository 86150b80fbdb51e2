using System.Globalization;
using System.Text.Json.Serialization;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>What is known of a mount's server: enough to wait for it, and to say what became of it.</summary>
/// <param name="Pid">The process.</param>
/// <param name="ProcessStart">When it was started, in clock ticks after the boot: numbers of processes are used again.</param>
/// <param name="Mounted">When the mount could be used.</param>
/// <param name="Source">What is mounted.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="Device">MAJOR:MINOR of the file system.</param>
/// <param name="Log">The file it logs to; null for stderr.</param>
/// <param name="Namespace">Of processes, in which <paramref name="Pid"/> means something.</param>
sealed record MountRecord(int Pid, ulong ProcessStart, DateTimeOffset Mounted, string Source, string MountPoint, string? Device, string? Log, string? Namespace)
{
    public static MountRecord Of(string source, string mountPoint, string? device, string? log) =>
        new(Environment.ProcessId, StartOf(Environment.ProcessId) ?? 0, DateTimeOffset.UtcNow, source, mountPoint, device, log, OwnNamespace);

    /// <summary>Whether its server, if it lives, is seen from here.</summary>
    [JsonIgnore]
    public bool IsOfThisNamespace => Namespace == OwnNamespace;

    static string? OwnNamespace => new FileInfo("/proc/self/ns/pid").LinkTarget;

    /// <summary>A descriptor that becomes readable when the server ends; null if it has ended.</summary>
    public FileDescriptor? OpenServer()
    {
        var fd = Processes.OpenDescriptor(Pid);
        if (fd < 0)
            return null;
        // Looked at once the descriptor holds the number.
        if (StartOf(Pid) == ProcessStart)
            return new FileDescriptor(fd);
        _ = Descriptors.Close(fd);
        return null;
    }

    /// <summary>What to say of a server that is found dead.</summary>
    public string DescribeEnd()
    {
        var mounted = Mounted.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return $"its server (pid {Pid.ToString(CultureInfo.InvariantCulture)}, mounted {mounted}) ended without unmounting: killed or crashed; {(Log is null ? "it logged to its stderr" : $"its log is {Log}")}";
    }

    /// <summary>Field 22 of /proc/PID/stat, where the second, in parentheses, may hold anything.</summary>
    static ulong? StartOf(int pid)
    {
        const int AfterName = 19;
        try
        {
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // A zombie serves nobody.
            return fields.Length > AfterName && fields[0] is not ("Z" or "X") && ulong.TryParse(fields[AfterName], NumberStyles.None, CultureInfo.InvariantCulture, out var start) ? start : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
