using System.Globalization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>How many files the process and the server that it starts may have open: virtiofsd's --rlimit-nofile.</summary>
static class OpenFileLimit
{
    /// <summary>Below this a server could not even begin; virtiofsd wants about as many.</summary>
    public const ulong Least = 512;

    const ulong Usual = 1_000_000;

    /// <param name="wanted">Both limits, soft and hard; 0 leaves them; null takes the usual one where that can be had.</param>
    /// <param name="logger">Is told where it cannot.</param>
    /// <exception cref="IOException">What was asked for by number cannot be had.</exception>
    public static void Apply(ulong? wanted, ILogger logger)
    {
        if (wanted == 0)
            return;
        var (soft, hard) = ResourceLimits.GetOpenFiles();
        if (wanted is null && soft >= Usual)
            return;
        var most = ulong.Parse(File.ReadAllText("/proc/sys/fs/nr_open").Trim(), CultureInfo.InvariantCulture);
        if (wanted > most)
            throw new IOException($"--rlimit-nofile={wanted}: this host allows no more than {most} open files (fs.nr_open)");
        var files = wanted ?? Math.Min(Usual, most);
        var result = ResourceLimits.SetOpenFiles(files);
        if (result >= 0)
            return;
        if (wanted is not null)
            throw new IOException($"--rlimit-nofile={wanted}: {result.ToErrno().Describe()}; the hard limit is {hard}, and raising it needs CAP_SYS_RESOURCE");
        Log.FewerOpenFiles(logger, hard, files);
    }
}
