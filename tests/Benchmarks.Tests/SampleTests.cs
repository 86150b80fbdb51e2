using VirtioFsStore.Benchmarks.Measurement;
using Xunit;

namespace VirtioFsStore.Benchmarks.Tests;

public sealed class SampleTests
{
    [Theory]
    [InlineData(new double[] { 3, 1, 2 }, 2)]
    [InlineData(new double[] { 4, 1, 2, 3 }, 2.5)]
    [InlineData(new double[] { 7 }, 7)]
    public void Median_is_the_middle_of_the_rounds(double[] rounds, double median) => Assert.Equal(median, Sample.Of(rounds).Median);

    [Fact]
    public void Spread_is_the_distance_of_the_quartiles()
    {
        var sample = Sample.Of(10, 50, 30, 20, 40);

        Assert.Equal((20, 40), (sample.LowerQuartile, sample.UpperQuartile));
        Assert.Equal(20, sample.Spread);
    }

    [Fact]
    public void One_disturbed_round_of_five_does_not_widen_the_spread() =>
        Assert.Equal(Sample.Of(100, 101, 102, 103, 104).Spread, Sample.Of(100, 101, 102, 103, 9000).Spread);

    [Fact]
    public void Two_disturbed_rounds_of_five_widen_the_spread() => Assert.True(Sample.Of(100, 101, 102, 9000, 9000).Spread > 8000);

    [Fact]
    public void No_rounds_are_no_sample() => Assert.Throws<ArgumentException>(() => Sample.Of());
}
