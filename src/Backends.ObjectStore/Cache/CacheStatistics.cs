namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What the cache has of a layer.</summary>
/// <param name="Pieces">Of the layer.</param>
/// <param name="Present">Of them.</param>
/// <param name="Suspect">Of them: to be verified at their next use.</param>
/// <param name="DataSize">Of the data file with its holes, in bytes.</param>
/// <param name="AllocatedBytes">What it takes on the disk.</param>
/// <param name="Counts">What was done since it was opened.</param>
public readonly record struct CacheStatistics(long Pieces, long Present, long Suspect, long DataSize, long AllocatedBytes, CacheCounts Counts);
