namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The unit of digest, presence and eviction: data of one file that one span of the compressed stream holds.
/// A sparse file has a piece for each extent of data and span.</summary>
/// <param name="Id">Its position among the layer's pieces, from 0: the index of its word in the state file.</param>
/// <param name="EntryId">The file.</param>
/// <param name="DataOffset">Where it lies in the data file, in bytes.</param>
/// <param name="Length">In bytes, at least 1.</param>
/// <param name="StreamOffset">Where it lies in the uncompressed tar stream.</param>
/// <param name="Span">The span that holds it.</param>
/// <param name="Sha256">Over exactly its bytes: 32 bytes. Empty where whoever indexed the layer knew only those of its spans (<see cref="SeekSpan.Sha256"/>).</param>
public readonly record struct Piece(
    long Id, long EntryId, long DataOffset, long Length, long StreamOffset, int Span, ReadOnlyMemory<byte> Sha256);
