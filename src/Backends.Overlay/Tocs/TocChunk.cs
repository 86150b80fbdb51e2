namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>A run of a file's data with a digest of its own: a piece.</summary>
/// <param name="Offset">Where the gzip member or zstd frame begins from which it is decompressed.</param>
/// <param name="InnerOffset">Where it begins in what comes out of there.</param>
/// <param name="End">The compressed offset after it; 0 where only the next chunk tells.</param>
/// <param name="Length">In bytes.</param>
/// <param name="Sha256">Of it, 32 bytes; null where the table has none.</param>
readonly record struct TocChunk(long Offset, long InnerOffset, long End, long Length, byte[]? Sha256);
