namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>A span without its window: where it lies in both streams, and the first of its pieces.</summary>
/// <param name="InOffset">Of its seek point, in compressed bytes.</param>
/// <param name="InEnd">The compressed offset after the last byte that is needed.</param>
/// <param name="OutOffset">Of its seek point, in uncompressed bytes.</param>
/// <param name="OutEnd">Where the next span begins.</param>
/// <param name="FirstPiece">The first of its pieces; where it has none, the first of the next span's.</param>
/// <param name="PieceCount">How many it has.</param>
/// <param name="MidStream">Whether it can be decompressed only behind the span before, or with its window.</param>
public readonly record struct SpanExtent(long InOffset, long InEnd, long OutOffset, long OutEnd, long FirstPiece, long PieceCount, bool MidStream)
{
    /// <summary>0, or 1 where bits of the byte before <see cref="InOffset"/> are needed.</summary>
    public int LeadingBytes { get; init; }

    /// <inheritdoc cref="SeekSpan.Sha256"/>
    public ReadOnlyMemory<byte> Sha256 { get; init; }
}
