using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>A measured task: seconds of each mode's rounds.</summary>
sealed record DaxRow(DaxTask Task, IReadOnlyDictionary<DaxMode, List<double>> Seconds)
{
    public Sample Of(DaxMode mode) => Sample.Of(Seconds[mode]);

    /// <summary>How many times as fast as by reads, of the medians.</summary>
    public double GainOf(DaxMode mode) => Of(DaxMode.Read).Median / Of(mode).Median;
}
