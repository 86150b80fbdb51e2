using System.Diagnostics;
using System.Numerics;

namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>Counts of times in buckets that grow with the time: 64 for each power of 2, so that a percentile is right within 1.6 %.</summary>
sealed class LatencyHistogram
{
    const int StepBits = 6;
    const int Steps = 1 << StepBits;

    readonly long[] _buckets = new long[(64 - StepBits + 1) * Steps];

    public long Count { get; private set; }

    /// <param name="ticks">Of Stopwatch; below 0 counts as 0.</param>
    public void Add(long ticks)
    {
        _buckets[BucketOf(Math.Max(ticks, 0))]++;
        Count++;
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _buckets.Length; i++)
            _buckets[i] += other._buckets[i];
        Count += other.Count;
    }

    /// <summary>The time in µs that the share <paramref name="quantile"/> (0 to 1) of all did not exceed. 0 if there are none.</summary>
    public double Microseconds(double quantile)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(quantile * Count));
        var seen = 0L;
        for (var i = 0; i < _buckets.Length; i++)
        {
            seen += _buckets[i];
            if (seen >= wanted)
                return MiddleOf(i) * 1_000_000 / Stopwatch.Frequency;
        }
        return 0;
    }

    static int BucketOf(long value)
    {
        if (value < Steps)
            return (int)value;
        var shift = BitOperations.Log2((ulong)value) - StepBits;
        return (shift + 1) * Steps + (int)(value >> shift) - Steps;
    }

    static double MiddleOf(int bucket)
    {
        if (bucket < Steps)
            return bucket;
        var shift = bucket / Steps - 1;
        var low = (double)(bucket % Steps + Steps) * (1L << shift);
        return low + ((1L << shift) - 1) / 2.0;
    }
}
