using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Startup;

/// <summary>What starting a daemon took, and what it holds while nobody has connected.</summary>
/// <param name="Name">Which daemon, how.</param>
/// <param name="Milliseconds">From its start to the line that says it is ready.</param>
/// <param name="ProcessorTime">Of all its processes until it idles, in milliseconds.</param>
/// <param name="Memory">Bytes, VmRSS − RssShmem of all its processes.</param>
/// <param name="Processes">How many these are.</param>
/// <param name="MostMilliseconds">What the start is meant to take at most; null: nothing is said of it.</param>
sealed record StartupRow(string Name, Sample Milliseconds, Sample ProcessorTime, Sample Memory, int Processes, double? MostMilliseconds)
{
    /// <summary>Bytes, of parent and server together.</summary>
    public const double MostMemory = 45e6;
}
