namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>A place in a compressed stream from which it can be decompressed without what lies before.</summary>
/// <param name="InOffset">Compressed offset in bytes. With <paramref name="Bits"/> above 0 the byte before it is needed as well.</param>
/// <param name="OutOffset">Uncompressed offset in bytes.</param>
/// <param name="MidStream">False where decompression starts afresh (a gzip member's header, a zstd frame, plain data);
/// true at the boundary of a deflate block inside a gzip member.</param>
/// <param name="Bits">How many bits of the byte before <paramref name="InOffset"/> still belong to what follows: 0 … 7.</param>
/// <param name="Window">The uncompressed bytes of the member before <paramref name="OutOffset"/> that the stream may refer to,
/// at most 32 KiB; empty where decompression starts afresh.</param>
public sealed record SeekPoint(long InOffset, long OutOffset, bool MidStream, int Bits, ReadOnlyMemory<byte> Window)
{
    public static SeekPoint Fresh(long inOffset, long outOffset) => new(inOffset, outOffset, false, 0, default);
}
