using System.Globalization;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.GuestRunner;
using VirtioFsStore.RealServers;

namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>Starts guests from images in a real registry at the end of a line of bounded speed, beside pulling and unpacking all of it.</summary>
sealed class LazyBenchmark(BenchmarkOptions options, RealParts parts, TextTable table, Action<string> progress)
{
    static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(20);

    /// <summary>Each of the unshaped preparations.</summary>
    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    public static LineShape Slow { get; } = new(3_000_000, s_roundTrip);

    static readonly LineShape[] s_shapes = [Slow, new(25_000_000, s_roundTrip)];

    readonly List<LazyRow> _rows = [];

    public async Task<IReadOnlyList<LazyRow>> RunAsync(CancellationToken stop)
    {
        if (RealParts.Missing(parts.DockerRegistry) is { } missing)
        {
            table.WriteMissing("all rows", missing);
            return _rows;
        }

        var registry = await RegistryServer.StartAsync().ConfigureAwait(false);
        await using (registry.ConfigureAwait(false))
        {
            foreach (var image in LazyImage.All(parts).Where(image => s_shapes.Any(shape => Wanted(image, shape).Length > 0)))
            {
                if (RealParts.Missing(image.Layout) is not null)
                {
                    table.WriteMissing($"the {image.Name} image", $"eng/setup {image.Step} makes it.");
                    continue;
                }

                var size = Push(image, registry.Host);
                foreach (var shape in s_shapes.Where(shape => Wanted(image, shape).Length > 0))
                    await MeasureAsync(image, size, shape, registry.Endpoint, stop).ConfigureAwait(false);
            }
        }

        return _rows;
    }

    LazyStage[] Wanted(LazyImage image, LineShape shape) => [.. Enum.GetValues<LazyStage>().Where(stage => options.Wants(image, shape, stage))];

    async Task MeasureAsync(LazyImage image, long size, LineShape shape, Uri registry, CancellationToken stop)
    {
        var wanted = Wanted(image, shape);
        LazyStage[] stages = [.. wanted.Where(stage => LazyRound.Missing(stage, parts) is null)];
        var measures = stages.ToDictionary(stage => stage, _ => new List<LazyMeasure>());
        for (var round = 0; round < options.Rounds; round++)
        {
            var directory = Directory.CreateTempSubdirectory("vfs-lazy-");
            // One for each round: no connection that the one before left open helps the next.
            var proxy = FaultServer.Forward(registry, shape);
            await using (proxy.ConfigureAwait(false))
            {
                try
                {
                    var work = new LazyRound(options, parts, image, proxy, directory.FullName);
                    foreach (var stage in stages)
                    {
                        stop.ThrowIfCancellationRequested();
                        var before = proxy.Requests.Count;
                        measures[stage].Add(await work.RunAsync(stage).ConfigureAwait(false));
                        Report(image, shape, stage, measures[stage][^1], proxy.Requests.Skip(before));
                    }
                }
                finally
                {
                    directory.Delete(recursive: true);
                }
            }
        }

        table.WriteLazyHead(image.Name, size, shape);
        foreach (var stage in wanted)
        {
            if (!measures.TryGetValue(stage, out var rounds))
            {
                table.WriteMissing(stage.ToString(), LazyRound.Missing(stage, parts)!);
                continue;
            }

            _rows.Add(new LazyRow(image, size, shape, stage, rounds));
            table.Write(_rows[^1]);
        }
    }

    /// <summary>Puts the image into the registry, and the indexes beside it.</summary>
    /// <returns>The size of its layers, in bytes.</returns>
    long Push(LazyImage image, string host)
    {
        progress($"pushing the {image.Name} image and its indexes");
        var reference = $"docker://{host}/{image.Name}:latest";
        Run("image", "push", $"oci:{image.Layout}:latest", reference);
        var store = Directory.CreateTempSubdirectory("vfs-lazy-");
        try
        {
            Run("image", "index", "--push", "--store", store.FullName, reference);
        }
        finally
        {
            store.Delete(recursive: true);
        }

        // All else of these layouts is documents of a few kB.
        return new DirectoryInfo(Path.Combine(image.Layout, "blobs/sha256")).EnumerateFiles().Where(file => file.Length > 64 << 10).Sum(file => file.Length);
    }

    void Run(params string[] arguments)
    {
        using var child = ChildProcess.Launch(options.Ours.Program, arguments);
        if (!child.WaitForExit(s_limit) || child.ExitCode != 0)
            throw new InvalidOperationException($"virtiofs-store {string.Join(' ', arguments)} failed. It wrote: {child.OutputText}{child.ErrorText}");
    }

    void Report(LazyImage image, LineShape shape, LazyStage stage, LazyMeasure measure, IEnumerable<ProxyRequest> requests)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{image.Name} at {shape.BytesPerSecond / 1e6:F0} MB/s, {stage}");
        progress(string.Create(CultureInfo.InvariantCulture, $"{name}: {measure.Seconds:F1} s, {measure.Bytes / 1e6:F2} MB, {measure.Requests} requests"));
        if (options.RequestLog is not { } log) return;
        File.AppendAllLines(log, [$"# {name}", .. requests.Select(request => $"{request.Method} {request.Target} {request["Range"]}")]);
    }
}
