using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Dax;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Lazy;
using VirtioFsStore.Benchmarks.Rows;
using VirtioFsStore.FaultProxy;

namespace VirtioFsStore.Benchmarks;

/// <summary>What to measure, and how long.</summary>
sealed record BenchmarkOptions
{
    public required DaemonCommand Ours { get; init; }

    public required DaemonCommand Peer { get; init; }

    /// <summary>What the table calls the peer.</summary>
    public string PeerName => Peer.IsOwn ? "other" : "virtiofsd";

    public int Rounds { get; init; } = 5;

    public TimeSpan RoundTime { get; init; } = TimeSpan.FromMilliseconds(400);

    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Small files in the directory.</summary>
    public int Files { get; init; } = 10_000;

    /// <summary>Small files in the image.</summary>
    public int ImageFiles { get; init; } = 30_000;

    /// <summary>A guest's task takes seconds.</summary>
    public int GuestRounds => Math.Min(Rounds, 3);

    /// <summary>Which rows, by "GROUP OPERATION"; null is all.</summary>
    public Regex? Rows { get; init; }

    /// <summary>Which depths; empty is all.</summary>
    public IReadOnlyList<int> Depths { get; init; } = [];

    /// <summary>Where the trees are made: a file system that keeps extended attributes.</summary>
    public required string WorkDirectory { get; init; }

    /// <summary>Gets each request of the lazy rows, by row; null for none.</summary>
    public string? RequestLog { get; init; }

    public static int DepthOf(RowGroup group) => group is RowGroup.Depth1 or RowGroup.Depth1OneCore ? 1 : Contender.MaxDepth;

    public bool Wants(RowGroup group) => Operation.All.Any(operation => Wants(group, operation));

    public bool Wants(RowGroup group, Operation operation) =>
        (group != RowGroup.Image || operation.InImages)
        && (Depths.Count == 0 || Depths.Contains(DepthOf(group)))
        && (Rows?.IsMatch($"{group} {operation.Name}") ?? true);

    public bool Wants(GuestTask task) => Rows?.IsMatch($"Guest {task.Name}") ?? true;

    public bool Wants(DaxTask task) => Rows?.IsMatch($"Dax {task.Name}") ?? true;

    public bool WantsDaxMemory => Rows?.IsMatch("Dax memory") ?? true;

    public bool Wants(LazyImage image, LineShape shape, LazyStage stage) =>
        Rows?.IsMatch(string.Create(CultureInfo.InvariantCulture, $"Lazy {image.Name} {shape.BytesPerSecond / 1_000_000} {stage}")) ?? true;
}
