using System.Globalization;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Rows;
using VirtioFsStore.Benchmarks.Startup;

namespace VirtioFsStore.Benchmarks.Report;

/// <summary>Holds what was measured against what the daemon is meant to reach. By medians: where they differ by less than the spread, the miss says so.</summary>
static class Goals
{
    /// <summary>As fast, less what rounds differ by on a quiet machine.</summary>
    const double LeastRate = 0.95;

    /// <summary>An image is worth its work if it costs half of what an unpacked tree does.</summary>
    const double MostImageCost = 0.5;
    const double MostTwoQueuesCost = 1.1;

    /// <summary>Bytes, serving an image of 30,000 files.</summary>
    const long MostImageMemory = 60_000_000;

    public static IEnumerable<Goal> Of(IReadOnlyCollection<Row> rows, IReadOnlyCollection<MemoryRow> memory)
    {
        // At depth 1 the wake-ups of the machine are measured, but data has to move all the same.
        var judged = rows.Where(row => row.Group == RowGroup.Depth32 || (row.Group is RowGroup.Depth1 or RowGroup.Depth1OneCore && row.Operation.IsData)).ToArray();
        if (judged.Length > 0)
        {
            yield return new Goal(
                Text($"a directory's rate at depth 32, and of data at any, at least {LeastRate} of the other's"),
                [.. judged.Where(row => row.Rate.Ratio < LeastRate).Select(row => Name(row, row.Rate))]);
            yield return new Goal(
                "a directory's CPU per operation in these rows no more than the other's",
                [.. judged.Where(row => row.Cost.Ratio > 1).Select(row => Name(row, row.Cost))]);
        }
        if (rows.Where(row => row.Group == RowGroup.TwoQueues).ToArray() is { Length: > 0 } queues)
        {
            yield return new Goal(
                Text($"two queues cost at most {MostTwoQueuesCost} of the CPU per operation of one"),
                [.. queues.Where(row => row.Cost.Ratio > MostTwoQueuesCost).Select(row => Name(row, row.Cost))]);
        }
        // Of data, the kernel's copy is the most of both.
        if (rows.Where(row => row.Group == RowGroup.Image && !row.Operation.IsData).ToArray() is { Length: > 0 } image)
        {
            yield return new Goal(
                Text($"an image twice as fast as the same tree unpacked, or {MostImageCost} of its CPU per operation"),
                [.. image.Where(row => row.Rate.Ratio < 1 / MostImageCost && row.Cost.Ratio > MostImageCost).Select(row => Name(row, row.Cost))]);
        }
        if (memory.Where(row => row.IsOwnImage).ToArray() is { Length: > 0 } served)
        {
            yield return new Goal(
                Text($"an image of 30,000 files served with less than {MostImageMemory / 1_000_000} MB"),
                [.. served.Where(row => row.Peak >= MostImageMemory).Select(row => Text($"{row.Peak / 1e6:F1} MB"))]);
        }
    }

    public static IEnumerable<Goal> Of(IReadOnlyList<StartupRow> rows)
    {
        StartupRow[] ours = [.. rows.Where(row => row.MostMilliseconds is not null)];
        foreach (var row in ours)
        {
            yield return new Goal(
                Text($"{row.Name}: ready within {row.MostMilliseconds:F0} ms"),
                row.Milliseconds.Median <= row.MostMilliseconds ? [] : [Text($"{row.Milliseconds.Median:F0} ms")]);
        }
        yield return new Goal(
            Text($"idle with less than {StartupRow.MostMemory / 1e6:F0} MB, all processes together"),
            [.. ours.Where(row => row.Memory.Median >= StartupRow.MostMemory).Select(row => Text($"{row.Name} {row.Memory.Median / 1e6:F1} MB"))]);
    }

    static string Name(Row row, Comparison comparison) =>
        Text($"{row.Group} {row.Operation.Name} {comparison.Ratio:F2}{(comparison.IsClear ? "" : " (within the spread)")}");

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
