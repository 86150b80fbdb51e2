using System.Globalization;
using VirtioFsStore.Benchmarks.Dax;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Lazy;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Rows;
using VirtioFsStore.Benchmarks.Startup;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Report;

/// <summary>Writes rows as lines, each as soon as it is measured.</summary>
sealed class TextTable(TextWriter output)
{
    RowGroup? _group;

    public void Write(MachineDescription machine)
    {
        Line($"{machine.Ours} beside {machine.Peer}");
        Line($"Linux {machine.Kernel}, {machine.Processors} × {machine.Processor}, load before the run {machine.Load}");
    }

    public void Write(Row row)
    {
        if (_group != row.Group)
            WriteHead(row);
        _group = row.Group;
        Line($"{row.Operation.Name,-20}{Rate(row, row.Ours),11}{Rate(row, row.Theirs),11}{Compare(row.Rate, moreIsBetter: true)}"
            + $"{Number(row.Ours.DaemonCost.Median),10}{Number(row.Theirs.DaemonCost.Median),11}{Compare(row.Cost, moreIsBetter: false)}"
            + $"{(row.Floor is { } floor ? Number(floor.Median) : ""),8}{Times(row, 0.50),15}{Times(row, 0.99),15}{Number(row.Ours.DriverCost.Median),8}");
    }

    public void WriteGuestHead(Accelerator accelerator, string peer)
    {
        Line("");
        Line($"In a guest ({Name(accelerator)}), the same tree mounted three times");
        Line($"{"",-34}{"seconds",26}{"",25}{"daemon's CPU, s",17}");
        Line($"{"",-34}{"ours",9}{peer,10}{"9p",7}{CompareHead}{"ours",8}{peer,10}{CompareHead}");
    }

    public void Write(GuestRow row) =>
        Line($"{row.Task.Name,-34}{Number(row.Ours.Seconds.Median),9}{Number(row.Theirs.Seconds.Median),10}{Number(row.NineP.Seconds.Median),7}"
            + $"{Compare(row.Time, moreIsBetter: false)}{Number(row.Cost.Ours.Median),8}{Number(row.Cost.Theirs.Median),10}{Compare(row.Cost, moreIsBetter: false)}");

    public void Write(IReadOnlyList<MemoryRow> rows)
    {
        if (rows.Count == 0)
            return;
        Line("");
        Line($"{"Memory, MB (VmRSS − RssShmem)",-70}{"idle",8}{"peak",8}{"after",8}");
        foreach (var row in rows)
            Line($"{row.Name,-70}{Megabytes(row.Idle),8}{Megabytes(row.Peak),8}{Megabytes(row.After),8}");
    }

    public void Write(IReadOnlyList<StartupRow> rows)
    {
        Line("");
        Line($"{"Start to ready, and idle",-30}{"ms",8}{"spread",8}{"CPU, ms",9}{"MB",8}{"processes",11}");
        foreach (var row in rows)
        {
            Line($"{row.Name,-30}{Number(row.Milliseconds.Median),8}{row.Milliseconds.RelativeSpread * 100,7:F0}%{Number(row.ProcessorTime.Median),9}"
                + $"{Megabytes((long)row.Memory.Median),8}{row.Processes,11}");
        }
    }

    public void WriteLazyHead(string image, long size, LineShape shape)
    {
        Line("");
        Line(string.Create(
            CultureInfo.InvariantCulture, $"The {image} image, {size / 1e6:F1} MB compressed, at {shape.BytesPerSecond / 1e6:F0} MB/s and a round trip of {shape.RoundTrip.TotalMilliseconds:F0} ms"));
        Line($"{"",-28}{"seconds",9}{"MB",9}{"of it",8}{"requests",10}{"memory, MB",12}");
    }

    public void Write(LazyRow row)
    {
        var name = row.Stage switch
        {
            LazyStage.Pull => "pull (skopeo)",
            LazyStage.Unpack => "unpack (umoci)",
            LazyStage.Unpacked => "start from the directory",
            LazyStage.FirstUnindexed => "first start, unindexed",
            LazyStage.FirstIndexed => "first start, indexed",
            LazyStage.Warm => "second start",
            _ => "read everything (host)",
        };
        Line($"{name,-28}{Number(row.Seconds),9}{Number(row.Bytes / 1e6),9}"
            + string.Create(CultureInfo.InvariantCulture, $"{row.Bytes / row.ImageSize * 100,7:F1}%{row.Requests,10:F0}")
            + $"{(row.Memory == 0 ? "" : Megabytes((long)row.Memory)),12}");
    }

    public void WriteDaxHead(Accelerator accelerator)
    {
        Line("");
        Line($"In a guest ({Name(accelerator)}), the same image by way of a window and by reads");
        Line($"{"",-34}{"seconds",27}{"times as fast as reads",26}");
        Line($"{"",-34}{"always",9}{"default",9}{"read",9}{"always",13}{"default",13}{"spread",9}");
    }

    public void Write(DaxRow row) =>
        Line($"{row.Task.Name,-34}{Number(row.Of(DaxMode.Always).Mapped.Median),9}{Number(row.Of(DaxMode.Default).Mapped.Median),9}{Number(row.Read.Median),9}"
            + $"{Number(row.Of(DaxMode.Always).Gain),13}{Number(row.Of(DaxMode.Default).Gain),13}"
            + string.Create(CultureInfo.InvariantCulture, $"{row.Spread * 100,8:F0}%"));

    public void WriteDaxRequests(string tag, string counts) => Line($"{tag}: {counts}");

    public void WriteDaxMemoryHead(long size)
    {
        Line("");
        Line($"{$"MB held when guests have read {Megabytes(size)} MB",-40}{"1 guest",10}{"2",10}{"4",10}{"the second adds",18}");
    }

    public void Write(DaxMemoryRow row) =>
        Line($"{row.Name,-40}{string.Concat(row.Bytes.OrderBy(held => held.Key).Select(held => $"{Megabytes(held.Value),10}"))}"
            + string.Create(CultureInfo.InvariantCulture, $"{row.Second * 100,17:F0}%"));

    public void WriteMissing(string what, string why) => Line($"{what}: not measured: {why}");

    public void Write(IEnumerable<Goal> goals)
    {
        Line("");
        foreach (var goal in goals)
            Line($"{(goal.Misses.Count == 0 ? "reached" : "missed "),-9}{goal.Text}{(goal.Misses.Count == 0 ? "" : ": " + string.Join(", ", goal.Misses))}");
    }

    const string CompareHead = "    ratio spread         ";

    void WriteHead(Row row)
    {
        Line("");
        Line(Title(row.Group));
        Line($"{"",-20}{"rate",22}{"",25}{"daemon's CPU, µs/operation",27}{"",19}{"",8}{"p50, µs",15}{"p99, µs",15}{"driver",8}");
        Line($"{"",-20}{row.Ours.Name,11}{row.Theirs.Name,11}{CompareHead}{row.Ours.Name,10}{row.Theirs.Name,11}{CompareHead}"
            + $"{(row.Floor is null ? "" : "floor"),8}{"ours/other",15}{"ours/other",15}{"CPU",8}");
    }

    void Line(string text)
    {
        output.WriteLine(text.TrimEnd());
        output.Flush();
    }

    static string Compare(Comparison comparison, bool moreIsBetter)
    {
        var verdict = comparison.Judge(moreIsBetter) switch { Verdict.Better => "better", Verdict.Worse => "worse", _ => "=" };
        return string.Create(CultureInfo.InvariantCulture, $"{comparison.Ratio,9:F2}{comparison.RelativeSpread * 100,6:F0}% {verdict,-9}");
    }

    static string Name(Accelerator accelerator) => accelerator == Accelerator.Kvm ? "KVM" : "emulated: TCG";

    static string Number(double value) => value.ToString(value < 1000 ? "F2" : "F0", CultureInfo.InvariantCulture);

    static string Megabytes(long bytes) => (bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture);

    static string Rate(Row row, Series series) =>
        row.Operation.IsData
            ? string.Create(CultureInfo.InvariantCulture, $"{series.Rate.Median:F0} MB/s")
            : string.Create(CultureInfo.InvariantCulture, $"{series.Rate.Median / 1000:F1} k/s");

    static string Times(Row row, double quantile) =>
        string.Create(CultureInfo.InvariantCulture, $"{row.Ours.Percentile(quantile):F0}/{row.Theirs.Percentile(quantile):F0}");

    static string Title(RowGroup group) => group switch
    {
        RowGroup.Depth32 => "Depth32: a directory, 32 requests outstanding",
        RowGroup.Depth1 => "Depth1: a directory, one request at a time (two wake-ups each)",
        RowGroup.Depth1OneCore => "Depth1OneCore: a directory, one request at a time, daemon and driver on one core",
        RowGroup.TwoQueues => "TwoQueues: two queues against one, 32 requests outstanding on each",
        _ => "Image: an image against the same tree unpacked, 32 requests outstanding",
    };
}
