using VirtioFsStore.Benchmarks.Measurement;
using Xunit;

namespace VirtioFsStore.Benchmarks.Tests;

public sealed class ComparisonTests
{
    [Fact]
    public void Difference_within_the_spread_is_none()
    {
        var comparison = new Comparison(Sample.Of(100, 110, 120), Sample.Of(95, 105, 115));

        Assert.Equal(Verdict.Even, comparison.Judge(moreIsBetter: true));
    }

    [Theory]
    [InlineData(true, "Better")]
    [InlineData(false, "Worse")]
    public void Higher_median_beyond_the_spread_wins_as_a_rate_and_loses_as_a_cost(bool moreIsBetter, string verdict)
    {
        var comparison = new Comparison(Sample.Of(200, 201, 202), Sample.Of(100, 101, 102));

        Assert.Equal(verdict, comparison.Judge(moreIsBetter).ToString());
    }

    [Fact]
    public void Wider_spread_of_the_two_decides()
    {
        var comparison = new Comparison(Sample.Of(200, 201, 202), Sample.Of(20, 101, 182));

        Assert.False(new Comparison(Sample.Of(150, 151, 152), Sample.Of(20, 101, 182)).IsClear);
        Assert.True(comparison.IsClear);
    }

    [Fact]
    public void Fewer_than_three_rounds_tell_no_difference() =>
        Assert.Equal(Verdict.Even, new Comparison(Sample.Of(200, 200), Sample.Of(100, 100)).Judge(moreIsBetter: true));

    [Fact]
    public void Ratio_is_ours_by_theirs() => Assert.Equal(0.5, new Comparison(Sample.Of(1, 2, 3), Sample.Of(3, 4, 5)).Ratio);
}
