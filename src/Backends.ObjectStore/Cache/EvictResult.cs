namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What came of an eviction.</summary>
/// <param name="Pieces">That were dropped.</param>
/// <param name="Bytes">Of the disk that were given back, in whole pages.</param>
/// <param name="Pinned">Pieces that stay because a guest has one of their pages mapped.</param>
public readonly record struct EvictResult(long Pieces, long Bytes, long Pinned);
