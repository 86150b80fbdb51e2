using System.Text.RegularExpressions;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Rows;

namespace VirtioFsStore.Benchmarks;

/// <summary>What to measure, and how long.</summary>
sealed record BenchmarkOptions
{
    public required DaemonCommand Ours { get; init; }

    public required DaemonCommand Peer { get; init; }

    public int Rounds { get; init; } = 5;

    public TimeSpan RoundTime { get; init; } = TimeSpan.FromMilliseconds(400);

    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Small files in the directory.</summary>
    public int Files { get; init; } = 10_000;

    /// <summary>Which rows, by "group operation"; null is all.</summary>
    public Regex? Rows { get; init; }

    /// <summary>Where the trees are made: a file system that keeps extended attributes.</summary>
    public required string WorkDirectory { get; init; }

    public bool Wants(RowGroup group) => Operation.All.Any(operation => Wants(group, operation));

    public bool Wants(RowGroup group, Operation operation) => Rows?.IsMatch($"{group} {operation.Name}") ?? true;
}
