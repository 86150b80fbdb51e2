namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What came of making room.</summary>
/// <param name="Before">Bytes that the data files took on the disk.</param>
/// <param name="After">What they take now.</param>
/// <param name="Pieces">That were evicted.</param>
/// <param name="Pinned">Pieces whose turn it was, but guests have them mapped.</param>
public readonly record struct CollectResult(long Before, long After, long Pieces, long Pinned);
