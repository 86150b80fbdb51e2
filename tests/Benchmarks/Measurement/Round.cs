namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>What was measured in one round.</summary>
/// <param name="Seconds">From the first request to the last answer.</param>
/// <param name="Operations">Operations completed.</param>
/// <param name="Requests">Requests that they took.</param>
/// <param name="DataLength">Bytes of file data that an operation moved; 0 where none.</param>
/// <param name="DaemonTime">Processor time of the daemon's process, in nanoseconds.</param>
/// <param name="DriverTime">Processor time of the generators, in nanoseconds.</param>
/// <param name="Latencies">Of operations.</param>
sealed record Round(
    double Seconds, long Operations, long Requests, int DataLength, long DaemonTime, long DriverTime, LatencyHistogram Latencies)
{
    /// <summary>Operations a second, or megabytes (10⁶) a second where data moves.</summary>
    public double Rate => Operations / Seconds * (DataLength == 0 ? 1 : DataLength / 1e6);

    /// <summary>The daemon's µs for each operation.</summary>
    public double DaemonCost => DaemonTime / 1e3 / Operations;

    /// <summary>The generator's µs for each operation.</summary>
    public double DriverCost => DriverTime / 1e3 / Operations;
}
