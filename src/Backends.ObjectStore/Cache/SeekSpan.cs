using VirtioFsStore.Backends.ObjectStore.Decompression;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What one seek point decompresses.</summary>
/// <param name="Id">From 0, in stream order; spans cover the stream without gaps.</param>
/// <param name="Start">Where decompression begins.</param>
/// <param name="InEnd">The compressed offset after the last byte that is needed.</param>
/// <param name="OutEnd">The uncompressed offset after the span: where the next begins.</param>
/// <param name="FirstPiece">The first of the pieces that it gives; the pieces of a layer are numbered in the order of the stream.</param>
/// <param name="PieceCount">0 for a span that holds no file data.</param>
public sealed record SeekSpan(int Id, SeekPoint Start, long InEnd, long OutEnd, long FirstPiece, long PieceCount)
{
    /// <summary>The most compressed bytes of a span that has a digest: all of it is in memory until it is verified.</summary>
    public const long MaxVerified = 32 << 20;

    /// <summary>Over the compressed bytes from the seek point, with the byte before it where bits of that are needed, to <see cref="InEnd"/>: 32
    /// bytes. Empty where the pieces have digests of their own.</summary>
    public ReadOnlyMemory<byte> Sha256 { get; init; }
}
