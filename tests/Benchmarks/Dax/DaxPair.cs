using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>A task in one guest.</summary>
/// <param name="Mode">By way of a window, in which mode.</param>
/// <param name="Mapped">Seconds so.</param>
/// <param name="Read">Seconds by reads, in the same guest.</param>
sealed record DaxPair(DaxMode Mode, Sample Mapped, Sample Read)
{
    /// <summary>How many times as fast as by reads, of the medians.</summary>
    public double Gain => Read.Median / Mapped.Median;
}
