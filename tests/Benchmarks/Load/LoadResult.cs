namespace VirtioFsStore.Benchmarks.Load;

/// <summary>What one generator did in one round.</summary>
/// <param name="Operations">Operations completed.</param>
/// <param name="Requests">Requests answered.</param>
/// <param name="ProcessorTime">The generator's own, in nanoseconds.</param>
readonly record struct LoadResult(long Operations, long Requests, long ProcessorTime);
