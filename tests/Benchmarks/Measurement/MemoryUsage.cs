using System.Globalization;

namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>A process's memory without guest memory.</summary>
static class MemoryUsage
{
    /// <summary>VmRSS − RssShmem in bytes (proc_pid_status(5)): guest memory is a shared mapping and not the daemon's. 0 if the process is gone.</summary>
    public static long Of(int pid) => Difference($"/proc/{pid}/status", "VmRSS:", "RssShmem:");

    /// <summary>Pss − Pss_Shmem in bytes (Documentation/filesystems/proc.rst, smaps): a page that several processes map, as the program's own are,
    /// is split among them, so that these can be added up. 0 if the process is gone.</summary>
    public static long ShareOf(int pid) => Difference($"/proc/{pid}/smaps_rollup", "Pss:", "Pss_Shmem:");

    /// <summary>
    /// Pss − Pss_File in bytes: guest memory included, split among those who map it, and without pages of files, which count where they are cached. 0 if the
    /// process is gone.
    /// </summary>
    public static long OwnShareOf(int pid) => Difference($"/proc/{pid}/smaps_rollup", "Pss:", "Pss_File:");

    static long Difference(string file, string all, string shared)
    {
        try
        {
            var kilobytes = 0L;
            foreach (var line in File.ReadLines(file))
            {
                if (line.StartsWith(all, StringComparison.Ordinal)) kilobytes += Kilobytes(line);
                else if (line.StartsWith(shared, StringComparison.Ordinal)) kilobytes -= Kilobytes(line);
            }

            return kilobytes * 1024;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    static long Kilobytes(string line) => long.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture);
}
