using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>All that is measured of windows, from one store.</summary>
static class DaxSuite
{
    /// <summary>Fits into the window.</summary>
    const long LargeSize = 200 << 20;

    public static async Task<IEnumerable<Goal>> RunAsync(BenchmarkOptions options, RealParts parts, TextTable table, Action<string> progress, CancellationToken stop)
    {
        progress($"making an image of {DaxTask.Files} files");
        using var sample = new SampleImage(DaxTask.Files, LargeSize);
        var store = Directory.CreateDirectory(Path.Combine(options.WorkDirectory, "store")).FullName;
        var rows = await new DaxBenchmark(options, parts, sample, store, table, progress).RunAsync(stop).ConfigureAwait(false);
        var memory = await new DaxMemoryBenchmark(options, parts, sample, store, LargeSize, table, progress).RunAsync(stop).ConfigureAwait(false);
        return DaxGoals.Of(rows, memory);
    }
}
