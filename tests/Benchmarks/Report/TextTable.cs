using System.Globalization;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Rows;

namespace VirtioFsStore.Benchmarks.Report;

/// <summary>Writes rows as lines, each as soon as it is measured.</summary>
sealed class TextTable(TextWriter output)
{
    RowGroup? _group;

    public void Write(Row row)
    {
        if (_group != row.Group)
            WriteHead(row);
        _group = row.Group;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{row.Operation.Name,-20}{Rate(row, row.Ours),11}{Rate(row, row.Theirs),11}{Compare(row.Rate, moreIsBetter: true)}"
            + $"{row.Ours.DaemonCost.Median,10:F2}{row.Theirs.DaemonCost.Median,11:F2}{Compare(row.Cost, moreIsBetter: false)}"
            + $"{row.Floor?.Median,8:F2}{Times(row, 0.50),15}{Times(row, 0.99),15}{row.Ours.DriverCost.Median,8:F2}"));
        output.Flush();
    }

    void WriteHead(Row row)
    {
        output.WriteLine();
        output.WriteLine(Title(row.Group));
        output.WriteLine($"{"",-20}{"rate",22}{"",23}{"daemon's CPU, µs/operation",27}{"",16}{"",8}{"p50, µs",15}{"p99, µs",15}{"driver",8}");
        output.WriteLine(
            $"{"",-20}{row.Ours.Name,11}{row.Theirs.Name,11}{"ratio spread         ",25}{row.Ours.Name,10}{row.Theirs.Name,11}{"ratio spread         ",25}"
            + $"{"floor",8}{"ours/other",15}{"ours/other",15}{"CPU",8}");
    }

    static string Compare(Comparison comparison, bool moreIsBetter)
    {
        var verdict = comparison.Judge(moreIsBetter) switch { Verdict.Better => "better", Verdict.Worse => "worse", _ => "=" };
        return string.Create(CultureInfo.InvariantCulture, $"{comparison.Ratio,9:F2}{comparison.RelativeSpread * 100,6:F0}% {verdict,-8}");
    }

    static string Rate(Row row, Series series) =>
        row.Operation.IsData
            ? string.Create(CultureInfo.InvariantCulture, $"{series.Rate.Median:F0} MB/s")
            : string.Create(CultureInfo.InvariantCulture, $"{series.Rate.Median / 1000:F1} k/s");

    static string Times(Row row, double quantile) =>
        string.Create(CultureInfo.InvariantCulture, $"{row.Ours.Percentile(quantile):F0}/{row.Theirs.Percentile(quantile):F0}");

    static string Title(RowGroup group) => group switch
    {
        RowGroup.Depth32 => "A directory, 32 requests outstanding",
        RowGroup.Depth1 => "A directory, one request at a time (two wake-ups each)",
        RowGroup.Depth1OneCore => "A directory, one request at a time, daemon and driver on one core",
        RowGroup.TwoQueues => "Two queues against one, 32 requests outstanding on each",
        _ => "An image against the same tree unpacked, 32 requests outstanding",
    };
}
