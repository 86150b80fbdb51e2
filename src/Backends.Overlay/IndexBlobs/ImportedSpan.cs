using VirtioFsStore.Backends.ObjectStore.Decompression;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>A span without its window, checked; see <see cref="SeekPoint"/>.</summary>
/// <param name="InOffset">Where it begins in the blob.</param>
/// <param name="InEnd">Where it ends there.</param>
/// <param name="OutOffset">Where it begins in the stream.</param>
/// <param name="OutEnd">Where it ends there.</param>
/// <param name="MidStream">Whether it begins within a gzip member.</param>
/// <param name="Bits">Of the byte before that belong to it.</param>
/// <param name="WindowSize">In bytes.</param>
readonly record struct ImportedSpan(long InOffset, long InEnd, long OutOffset, long OutEnd, bool MidStream, int Bits, int WindowSize)
{
    public SeekPoint Point(ReadOnlyMemory<byte> window) => new(InOffset, OutOffset, MidStream, Bits, window);
}
