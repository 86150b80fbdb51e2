using System.Globalization;
using VirtioFsStore.Benchmarks.Report;

namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>Holds the rows of the slow line against what lazy images are meant to reach, by medians.</summary>
static class LazyGoals
{
    /// <summary>Of a pull's time, for reading everything.</summary>
    const double MostReadAll = 1.1;

    /// <summary>Bytes, while indexing and while serving.</summary>
    const double MostMemory = 120e6;

    public static IEnumerable<Goal> Of(IReadOnlyCollection<LazyRow> rows) =>
        rows.Where(row => row.Shape == LazyBenchmark.Slow).GroupBy(row => row.Image)
            .SelectMany(group => Of(group.Key, group.ToDictionary(row => row.Stage)))
            .Concat(OfMemory(rows));

    static IEnumerable<Goal> Of(LazyImage image, Dictionary<LazyStage, LazyRow> rows)
    {
        if (rows.TryGetValue(LazyStage.FirstIndexed, out var first))
        {
            yield return Judge(Text($"{image.Name}: an indexed first start fetches at most {image.MostBytes:P0} of the compressed layers"), first.Bytes / first.ImageSize, image.MostBytes);
            if (rows.TryGetValue(LazyStage.Warm, out var warm))
            {
                if (rows.TryGetValue(LazyStage.Pull, out var pull) && rows.TryGetValue(LazyStage.Unpack, out var unpack))
                    yield return Judge(
                        Text($"{image.Name}: its time over a warm start's is at most {image.MostTime:F3} of a full pull and unpack"),
                        (first.Seconds - warm.Seconds) / (pull.Seconds + unpack.Seconds), image.MostTime);
                yield return Judge($"{image.Name}: a warm start makes no request", warm.Rounds.Max(round => round.Requests), 0);
            }
        }

        if (rows.TryGetValue(LazyStage.ReadAll, out var all) && rows.TryGetValue(LazyStage.Pull, out var whole))
            yield return Judge(Text($"{image.Name}: reading everything takes at most {MostReadAll} of a pull without unpacking"), all.Seconds / whole.Seconds, MostReadAll);
    }

    static IEnumerable<Goal> OfMemory(IReadOnlyCollection<LazyRow> rows)
    {
        if (rows.Count == 0) yield break;
        yield return new Goal(
            Text($"less than {MostMemory / 1e6:F0} MB in all processes of the daemon together, indexing and serving"),
            [.. rows.Where(row => row.Memory >= MostMemory).Select(row => Text($"{row.Image.Name} {row.Stage} {row.Memory / 1e6:F0} MB"))]);
    }

    static Goal Judge(string text, double value, double most) => new(Text($"{text} ({value:F3})"), value <= most ? [] : [Text($"{value:F3}")]);

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
