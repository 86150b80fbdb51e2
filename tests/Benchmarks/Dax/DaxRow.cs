using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>A measured task, once for each of <see cref="DaxMode.Mapped"/>.</summary>
sealed record DaxRow(DaxTask Task, IReadOnlyList<DaxPair> Pairs)
{
    public DaxPair Of(DaxMode mode) => Pairs.First(pair => pair.Mode == mode);

    /// <summary>Of the guest in the default mode.</summary>
    public Sample Read => Of(DaxMode.Default).Read;

    public double Spread => Pairs.Max(pair => Math.Max(pair.Mapped.RelativeSpread, pair.Read.RelativeSpread));
}
