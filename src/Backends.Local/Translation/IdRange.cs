namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>What becomes of the ids of one range.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Last">The last of them.</param>
/// <param name="Target">What <paramref name="First"/> becomes.</param>
/// <param name="Kind">What the others become.</param>
readonly record struct IdRange(uint First, uint Last, uint Target, IdRangeKind Kind);
