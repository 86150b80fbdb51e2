using System.Text.Json;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Rows;
using VirtioFsStore.Benchmarks.Startup;
using Xunit;

namespace VirtioFsStore.Benchmarks.Tests;

/// <summary>What the table, the JSON and the goals say of rows whose numbers are known.</summary>
public sealed class ReportTests
{
    static readonly BenchmarkOptions s_options = new()
    {
        Ours = new DaemonCommand("/bin/virtiofs-store"),
        Peer = new DaemonCommand("/bin/virtiofsd"),
        WorkDirectory = "/nowhere",
    };

    [Fact]
    public void Table_has_both_rates_their_ratio_and_the_verdict()
    {
        using var output = new StringWriter();

        new TextTable(output).Write(Row(RowGroup.Depth32, oursPerSecond: 300_000, theirsPerSecond: 200_000, ourCost: 2, theirCost: 4));

        var line = output.ToString().Split('\n')[^2];
        Assert.Equal(
            ["getattr", "300.0", "k/s", "200.0", "k/s", "1.50", "0%", "better", "2.00", "4.00", "0.50", "0%", "better"],
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[..13]);
    }

    [Fact]
    public void Json_has_every_round_and_the_ratio()
    {
        var row = Row(RowGroup.Depth32, oursPerSecond: 300_000, theirsPerSecond: 200_000, ourCost: 2, theirCost: 4);

        var text = JsonReport.Write(new MachineDescription("", "", 2, "", "", ""), s_options, [row], [], [], []);

        var written = JsonDocument.Parse(text).RootElement.GetProperty("rows")[0];
        Assert.Equal(1.5, written.GetProperty("rate").GetProperty("ratio").GetDouble());
        Assert.Equal(3, written.GetProperty("ours").GetProperty("rounds").GetArrayLength());
        Assert.Equal(2, written.GetProperty("ours").GetProperty("daemonMicrosecondsPerRequest").GetDouble());
    }

    [Fact]
    public void Start_that_takes_too_long_or_too_much_is_named_as_a_miss()
    {
        StartupRow[] rows =
        [
            new("quick", Sample.Of(100), Sample.Of(1), Sample.Of(50e6), 1, 150),
            new("slow", Sample.Of(500), Sample.Of(1), Sample.Of(44e6), 2, 400),
            new("other", Sample.Of(900), Sample.Of(1), Sample.Of(90e6), 2, null),
        ];

        var goals = Goals.Of(rows).ToArray();

        Assert.Empty(goals[0].Misses);
        Assert.Equal(["500 ms"], goals[1].Misses);
        Assert.Equal(["quick 50.0 MB"], goals[2].Misses);
        Assert.Equal(3, goals.Length);
    }

    [Fact]
    public void Row_below_the_wanted_rate_is_named_as_a_miss()
    {
        Row[] rows =
        [
            Row(RowGroup.Depth32, oursPerSecond: 94, theirsPerSecond: 100, ourCost: 1, theirCost: 1),
            Row(RowGroup.Depth1, oursPerSecond: 50, theirsPerSecond: 100, ourCost: 1, theirCost: 1),
        ];

        var goals = Goals.Of(rows, []).ToArray();

        Assert.Equal(["Depth32 getattr 0.94"], goals[0].Misses);
        Assert.Empty(goals[1].Misses);
    }

    [Fact]
    public void Image_is_judged_by_cost_where_its_rate_is_not_twice_as_high()
    {
        var cheap = Goals.Of([Row(RowGroup.Image, oursPerSecond: 150, theirsPerSecond: 100, ourCost: 1, theirCost: 3)], []);
        var dear = Goals.Of([Row(RowGroup.Image, oursPerSecond: 150, theirsPerSecond: 100, ourCost: 2, theirCost: 3)], []);

        Assert.Empty(Assert.Single(cheap).Misses);
        Assert.Equal(["Image getattr 0.67"], Assert.Single(dear).Misses);
    }

    static Row Row(RowGroup group, long oursPerSecond, long theirsPerSecond, long ourCost, long theirCost) => new(
        group, Operation.All.Single(operation => operation.Name == "getattr"), 32,
        Series("ours", oursPerSecond, ourCost), Series("virtiofsd", theirsPerSecond, theirCost), Floor: null);

    static Series Series(string name, long perSecond, long cost)
    {
        var series = new Series(name);
        for (var round = 0; round < 3; round++)
            series.Add(new Round(1, perSecond, perSecond, 0, perSecond * cost * 1000, perSecond * 1000, new LatencyHistogram()));
        return series;
    }
}
