using VirtioFsStore.Benchmarks.Lazy;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.Benchmarks.Tests;

/// <summary>What is said of lazy rows whose numbers are known.</summary>
public sealed class LazyGoalsTests
{
    const long Size = 100_000_000;

    static readonly LazyImage s_image = LazyImage.All(RealParts.Default)[0];

    [Fact]
    public void Rows_that_reach_all_miss_nothing() => Assert.Empty(Misses(firstBytes: Size / 4, firstSeconds: 15, warmRequests: 0, readSeconds: 33));

    [Theory]
    [InlineData(Size / 4 + 1, 15, 0, 33)]
    [InlineData(Size / 4, 18, 0, 33)]
    [InlineData(Size / 4, 15, 1, 33)]
    [InlineData(Size / 4, 15, 0, 34)]
    public void A_row_that_does_not_is_one_miss(long firstBytes, double firstSeconds, int warmRequests, double readSeconds) =>
        Assert.Single(Misses(firstBytes, firstSeconds, warmRequests, readSeconds));

    /// <summary>30 s of pull and 6 of unpacking; a warm start takes 5.</summary>
    static string[] Misses(long firstBytes, double firstSeconds, int warmRequests, double readSeconds)
    {
        LazyRow[] rows =
        [
            Row(LazyStage.Pull, 30, Size, 6), Row(LazyStage.Unpack, 6, 0, 0), Row(LazyStage.FirstIndexed, firstSeconds, firstBytes, 20),
            Row(LazyStage.Warm, 5, 0, warmRequests), Row(LazyStage.ReadAll, readSeconds, Size, 40),
        ];
        return [.. LazyGoals.Of(rows).SelectMany(goal => goal.Misses)];
    }

    static LazyRow Row(LazyStage stage, double seconds, long bytes, int requests) =>
        new(s_image, Size, LazyBenchmark.Slow, stage, [new LazyMeasure(seconds, bytes, requests, 0)]);
}
