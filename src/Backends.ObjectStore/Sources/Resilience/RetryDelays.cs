namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>How long to wait before another try: exponential with full jitter, so that those who failed together do not come back together.</summary>
/// <param name="clock">Whose time is waited.</param>
/// <param name="random">In [0, 1).</param>
public sealed class RetryDelays(TimeProvider clock, Func<double> random)
{
    /// <summary>A few round trips: what a dropped connection needs.</summary>
    static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);

    /// <summary>So that several tries fit into the time of one read.</summary>
    static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    public TimeProvider Clock => clock;

    /// <param name="failures">That came before, in a row; at least 1.</param>
    public TimeSpan After(int failures)
    {
        var ceiling = Math.Min(s_longest.TotalMilliseconds, s_first.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 30)));
        return TimeSpan.FromMilliseconds(ceiling * random());
    }
}
