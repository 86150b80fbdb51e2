namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>Two samples of the same number side by side.</summary>
readonly record struct Comparison(Sample Ours, Sample Theirs)
{
    /// <summary>Ours / theirs, of the medians; 0 where theirs is 0.</summary>
    public double Ratio => Theirs.Median == 0 ? 0 : Ours.Median / Theirs.Median;

    /// <summary>The larger of both, relative to its median.</summary>
    public double RelativeSpread => Math.Max(Ours.RelativeSpread, Theirs.RelativeSpread);

    /// <summary>The medians differ by more than either spread: otherwise it is no difference.</summary>
    public bool IsClear => Ours.HasSpread && Theirs.HasSpread && Math.Abs(Ours.Median - Theirs.Median) > Math.Max(Ours.Spread, Theirs.Spread);

    /// <param name="moreIsBetter">True for rates, false for costs.</param>
    public Verdict Judge(bool moreIsBetter) =>
        !IsClear ? Verdict.Even : Ours.Median > Theirs.Median == moreIsBetter ? Verdict.Better : Verdict.Worse;
}
