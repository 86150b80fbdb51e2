namespace VirtioFsStore.Benchmarks.Report;

/// <summary>What the daemon is meant to reach, and what does not reach it.</summary>
/// <param name="Text">What is meant to be so.</param>
/// <param name="Misses">The rows where it is not, with their numbers; empty if it is reached.</param>
sealed record Goal(string Text, IReadOnlyList<string> Misses);
