using System.Globalization;
using VirtioFsStore.Benchmarks.Report;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>Holds what was measured against what windows are meant to give, by medians, in the mode that a guest mounts in without a word.</summary>
static class DaxGoals
{
    const double MostSecond = 0.05;

    public static IEnumerable<Goal> Of(IReadOnlyCollection<DaxRow> rows, IReadOnlyCollection<DaxMemoryRow> memory)
    {
        foreach (var row in rows.Where(row => row.Task.LeastGain > 1))
            yield return Judge(Text($"{row.Task.Name}: at least {row.Task.LeastGain} times as fast as by reads"), [row]);
        if (rows.Where(row => row.Task.LeastGain <= 1).ToArray() is { Length: > 0 } others)
            yield return Judge("all else no slower than by reads", others);
        foreach (var row in memory.Where(row => !double.IsNaN(row.Second) && row.IsShared))
            yield return new Goal(Text($"{row.Name}: a second guest adds at most {MostSecond:P0} of the data"), row.Second <= MostSecond ? [] : [Text($"{row.Second:P0}")]);
    }

    static Goal Judge(string text, IReadOnlyCollection<DaxRow> rows) =>
        new(text, [.. rows.Where(row => row.Of(DaxMode.Default).Gain < row.Task.LeastGain).Select(row => Text($"{row.Task.Name} {row.Of(DaxMode.Default).Gain:F2}"))]);

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
