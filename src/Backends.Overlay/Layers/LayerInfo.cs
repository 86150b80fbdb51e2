using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What a layer index says of its layer as a whole.</summary>
/// <param name="BlobDigest">Of the blob as it is stored; verified when the index was built.</param>
/// <param name="BlobSize">In bytes.</param>
/// <param name="DiffId">Of the uncompressed stream; verified when the index was built.</param>
/// <param name="StreamSize">Of the uncompressed stream in bytes.</param>
/// <param name="Compression">Of the blob.</param>
/// <param name="DataSize">Of the data file in bytes, a multiple of 4096.</param>
/// <param name="Allocated">The sum of the entries' <see cref="LayerEntry.Allocated"/>.</param>
/// <param name="EntryCount">Rows in order; whiteouts and opaque marks count.</param>
/// <param name="PieceCount">Words in the state file.</param>
/// <param name="SpanCount">Seek points.</param>
public sealed record LayerInfo(
    Digest BlobDigest, long BlobSize, Digest DiffId, long StreamSize, Compression Compression,
    long DataSize, long Allocated, long EntryCount, long PieceCount, int SpanCount);
