namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>A daemon's memory, VmRSS − RssShmem in bytes.</summary>
/// <param name="Name">Which daemon, serving what.</param>
/// <param name="IsOwnImage">It is ours, serving an image.</param>
/// <param name="Idle">A guest has mounted and asked for nothing yet.</param>
/// <param name="Peak">The most that was seen.</param>
/// <param name="After">When the rows are over, the whole tree known to the guest.</param>
sealed record MemoryRow(string Name, bool IsOwnImage, long Idle, long Peak, long After);
