using VirtioFsStore.Backends.ObjectStore.Decompression;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>Where the pieces of a blob's files lie: in the decompressed stream, and in the data file. A layer index gives it. What it says was
/// checked when it was made; the bytes are held to the pieces' digests all the same. For one thread at a time.</summary>
public interface IPieceMap : IDisposable
{
    Compression Compression { get; }

    /// <summary>Of the blob, compressed, in bytes.</summary>
    long BlobSize { get; }

    /// <summary>Of the data file in bytes, a multiple of <see cref="DataPages.Size"/>.</summary>
    long DataSize { get; }

    long PieceCount { get; }

    int SpanCount { get; }

    /// <summary>The pieces <paramref name="first"/> … <paramref name="first"/> + <paramref name="count"/> − 1, in order.</summary>
    IEnumerable<Piece> ReadPieces(long first, long count);

    /// <summary>The spans <paramref name="first"/> … <paramref name="first"/> + <paramref name="count"/> − 1, in order, with their windows.</summary>
    /// <exception cref="DecompressionException">A window is damaged.</exception>
    IEnumerable<SeekSpan> ReadSpans(int first, int count);

    /// <summary>How many of the first pieces whoever made the layer put there to be fetched before all others; 0 for none.</summary>
    long CountPrefetchPieces();

    /// <summary>All spans in order, without what makes them large.</summary>
    IEnumerable<SpanExtent> ReadExtents();
}
