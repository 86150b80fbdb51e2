using System.Globalization;

namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>A process's memory without guest memory.</summary>
static class MemoryUsage
{
    /// <summary>VmRSS − RssShmem in bytes (proc_pid_status(5)): guest memory is a shared mapping and not the daemon's. 0 if the process is gone.</summary>
    public static long Of(int pid)
    {
        try
        {
            var (resident, shared) = (0L, 0L);
            foreach (var line in File.ReadLines($"/proc/{pid}/status"))
            {
                if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
                    resident = Kilobytes(line);
                else if (line.StartsWith("RssShmem:", StringComparison.Ordinal))
                    shared = Kilobytes(line);
            }
            return (resident - shared) * 1024;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    static long Kilobytes(string line) => long.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture);
}
