using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.FaultProxy;

namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>One stage of one image on one line.</summary>
/// <param name="Image">Which.</param>
/// <param name="ImageSize">Of its layers, compressed, in bytes.</param>
/// <param name="Shape">The line.</param>
/// <param name="Stage">What was done.</param>
/// <param name="Rounds">At least one.</param>
sealed record LazyRow(LazyImage Image, long ImageSize, LineShape Shape, LazyStage Stage, IReadOnlyList<LazyMeasure> Rounds)
{
    public double Seconds => Sample.Of(Rounds.Select(round => round.Seconds)).Median;

    public double Bytes => Sample.Of(Rounds.Select(round => (double)round.Bytes)).Median;

    public double Requests => Sample.Of(Rounds.Select(round => (double)round.Requests)).Median;

    public double Memory => Sample.Of(Rounds.Select(round => (double)round.Memory)).Median;
}
