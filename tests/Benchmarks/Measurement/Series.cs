namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>One contender's rounds of one row.</summary>
sealed class Series(string name)
{
    readonly List<Round> _rounds = [];
    readonly LatencyHistogram _latencies = new();

    public string Name => name;

    public IReadOnlyList<Round> Rounds => _rounds;

    public Sample Rate => Sample.Of(_rounds.Select(round => round.Rate));

    public Sample DaemonCost => Sample.Of(_rounds.Select(round => round.DaemonCost));

    public Sample DriverCost => Sample.Of(_rounds.Select(round => round.DriverCost));

    public double RequestsPerOperation => _rounds.Sum(round => round.Requests) / (double)_rounds.Sum(round => round.Operations);

    /// <summary>µs, over all rounds.</summary>
    public double Percentile(double quantile) => _latencies.Microseconds(quantile);

    public void Add(Round round)
    {
        _rounds.Add(round);
        _latencies.Add(round.Latencies);
    }
}
