namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>Some of a decompressed stream, valid until the next chunk is asked for.</summary>
/// <param name="Offset">Uncompressed offset of the first byte.</param>
/// <param name="Data">The bytes; never empty.</param>
/// <param name="Points">Seek points up to and including the end of the chunk, in order, not given before.</param>
/// <param name="Taken">Compressed bytes read so far.</param>
public readonly record struct DecompressedChunk(long Offset, ReadOnlyMemory<byte> Data, IReadOnlyList<SeekPoint> Points, long Taken);
