using System.Diagnostics;
using VirtioFsStore.Benchmarks.Measurement;
using Xunit;

namespace VirtioFsStore.Benchmarks.Tests;

public sealed class LatencyHistogramTests
{
    static readonly long s_microsecond = Stopwatch.Frequency / 1_000_000;

    [Theory]
    [InlineData(0.50, 500)]
    [InlineData(0.99, 990)]
    [InlineData(1.00, 1000)]
    public void Percentile_is_right_within_two_percent(double quantile, double expected)
    {
        var histogram = new LatencyHistogram();
        for (var i = 1; i <= 1000; i++)
            histogram.Add(i * s_microsecond);

        Assert.InRange(histogram.Microseconds(quantile), expected * 0.98, expected * 1.02);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(long.MaxValue)]
    public void Every_time_has_a_bucket(long ticks)
    {
        var histogram = new LatencyHistogram();

        histogram.Add(ticks);

        Assert.InRange(histogram.Microseconds(1) * Stopwatch.Frequency / 1e6, ticks * 0.98, Math.Max(ticks * 1.02, 0));
    }

    [Fact]
    public void Histograms_add_up()
    {
        var (one, other) = (new LatencyHistogram(), new LatencyHistogram());
        one.Add(10 * s_microsecond);
        other.Add(1000 * s_microsecond);

        one.Add(other);

        Assert.Equal(2, one.Count);
        Assert.InRange(one.Microseconds(1), 980, 1020);
    }
}
