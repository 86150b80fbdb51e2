namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>A number measured once a round: its median, and how far the middle half of the rounds lies apart.</summary>
/// <param name="Median">Of the rounds.</param>
/// <param name="LowerQuartile">A quarter of the rounds is below.</param>
/// <param name="UpperQuartile">A quarter of the rounds is above.</param>
/// <param name="Count">Rounds.</param>
readonly record struct Sample(double Median, double LowerQuartile, double UpperQuartile, int Count)
{
    /// <summary>Rounds from which a spread can be told.</summary>
    const int LeastCount = 3;

    public bool HasSpread => Count >= LeastCount;

    /// <summary>
    /// The distance of the quartiles. Of five rounds they are the second and the fourth: one round that something else on the
    /// machine disturbed does not count, two do.
    /// </summary>
    public double Spread => UpperQuartile - LowerQuartile;

    public double RelativeSpread => Median == 0 ? 0 : Spread / Median;

    /// <param name="rounds">At least one.</param>
    public static Sample Of(params IEnumerable<double> rounds)
    {
        double[] sorted = [.. rounds.Order()];
        return sorted.Length > 0
            ? new Sample(Quantile(sorted, 0.5), Quantile(sorted, 0.25), Quantile(sorted, 0.75), sorted.Length)
            : throw new ArgumentException("A sample needs a round.", nameof(rounds));
    }

    /// <summary>Between two rounds, the straight line.</summary>
    static double Quantile(double[] sorted, double share)
    {
        var position = share * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
    }
}
