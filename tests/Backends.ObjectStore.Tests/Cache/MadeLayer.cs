using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>A layer without a tar: files in a stream with gaps between them, cut into pieces where spans end, and a blob of that stream. Its
/// files in the cache are made empty. Some files have holes, whose extents may share a page.</summary>
sealed class MadeLayer : IPieceMap
{
    readonly List<Piece> _pieces = [];
    readonly List<SeekSpan> _spans = [];

    /// <param name="seed">Of sizes and content.</param>
    /// <param name="streamSize">Uncompressed bytes, roughly.</param>
    /// <param name="compress">Makes the blob.</param>
    /// <param name="codec">How that is.</param>
    /// <param name="spanSize">Uncompressed bytes of a span, at least.</param>
    /// <param name="maxFile">The size of the largest files.</param>
    public MadeLayer(int seed, int streamSize, Codec codec, Func<byte[], byte[]> compress, int spanSize = 64 << 10, int maxFile = 150_000)
    {
        Stream = Tests.Decompression.Streams.Mixed(seed, streamSize);
        Blob = compress(Stream);
        Compression = codec;
        Cut(new Random(seed), Points(codec, spanSize), maxFile);
        Content = new byte[DataSize];
        foreach (var piece in _pieces)
            Stream.AsSpan((int)piece.StreamOffset, (int)piece.Length).CopyTo(Content.AsSpan((int)piece.DataOffset));
    }

    public byte[] Stream { get; }

    public byte[] Blob { get; }

    /// <summary>What the data file holds when everything is there.</summary>
    public byte[] Content { get; }

    public IReadOnlyList<Piece> Pieces => _pieces;

    public IReadOnlyList<SeekSpan> Spans => _spans;

    public Codec Compression { get; }

    public long BlobSize => Blob.Length;

    public long DataSize { get; private set; }

    public long PieceCount => _pieces.Count;

    public int SpanCount => _spans.Count;

    /// <summary>See <see cref="CountPrefetchPieces"/>.</summary>
    public long PrefetchPieces { get; set; }

    public long CountPrefetchPieces() => PrefetchPieces;

    public static MadeLayer Gzip(int seed, int streamSize, int spanSize = 64 << 10, int maxFile = 150_000) =>
        new(seed, streamSize, Codec.Gzip, data => Tests.Decompression.Streams.Gzip(data), spanSize, maxFile);

    public IEnumerable<Piece> ReadPieces(long first, long count) => _pieces.Skip((int)first).Take((int)count);

    public IEnumerable<SeekSpan> ReadSpans(int first, int count) => _spans.Skip(first).Take(count);

    public IEnumerable<SpanExtent> ReadExtents() =>
        _spans.Select(span => new SpanExtent(span.Start.InOffset, span.InEnd, span.Start.OutOffset, span.OutEnd, span.FirstPiece, span.PieceCount, span.Start.MidStream));

    public void Dispose()
    {
    }

    /// <summary>Makes the layer's files in a folder, with every piece in one state: present ones have their bytes.</summary>
    public LayerFiles Create(string folder, PieceState state = PieceState.Absent)
    {
        var files = new LayerFiles(Path.Combine(folder, "data"), Path.Combine(folder, "state"), Path.Combine(folder, "used"));
        using (var data = File.Create(files.Data))
        {
            data.SetLength(DataSize);
            if (state != PieceState.Absent) data.Write(Content);
        }

        StateFile.Create(files.State, PieceCount, state);
        return files;
    }

    List<SeekPoint> Points(Codec codec, int spanSize)
    {
        var points = new List<SeekPoint> { SeekPoint.Fresh(0, 0) };
        using var decoder = StreamDecoder.Create(codec, points[0], spanSize);
        var output = new byte[100_000];
        for (var position = 0; position < Blob.Length;)
        {
            decoder.Decode(Blob.AsSpan(position), output, out var taken, out var given);
            position += taken;
            while (decoder.TryTakePoint(out var point)) points.Add(point);
            if (taken == 0 && given == 0) break;
        }

        points.RemoveAll(point => point.OutOffset >= Stream.Length);
        return points;
    }

    void Cut(Random random, List<SeekPoint> points, int maxFile)
    {
        var span = 0;
        long firstOfSpan = 0, position = random.Next(512);
        for (var entry = 0; position < Stream.Length; entry++)
        {
            var size = Math.Min(random.Next(4) == 0 ? random.Next(1, maxFile) : random.Next(1, Math.Min(maxFile, 9000)), Stream.Length - position);
            var data = DataSize;
            for (var extents = random.Next(8) == 0 ? 3 : 1; size > 0 && extents > 0; extents--)
            {
                var extent = extents == 1 ? size : random.NextInt64(1, size + 1);
                for (size -= extent; extent > 0;)
                {
                    while (span + 1 < points.Count && points[span + 1].OutOffset <= position) EndSpan(points, ref span, ref firstOfSpan);
                    var length = Math.Min(extent, (span + 1 < points.Count ? points[span + 1].OutOffset : Stream.Length) - position);
                    _pieces.Add(new Piece(_pieces.Count, entry, data, length, position, span, SHA256.HashData(Stream.AsSpan((int)position, (int)length))));
                    data += length;
                    position += length;
                    extent -= length;
                }

                data += random.Next(2) == 0 ? random.Next(1, 3000) : random.Next(3000, 30_000);
            }

            DataSize = DataPages.Up(data);
            position += random.Next(512, 1100);
        }

        while (span + 1 < points.Count) EndSpan(points, ref span, ref firstOfSpan);
        _spans.Add(new SeekSpan(span, points[span], Blob.Length, Stream.Length, firstOfSpan, _pieces.Count - firstOfSpan));
    }

    void EndSpan(List<SeekPoint> points, ref int span, ref long firstOfSpan)
    {
        _spans.Add(new SeekSpan(span, points[span], points[span + 1].InOffset, points[span + 1].OutOffset, firstOfSpan, _pieces.Count - firstOfSpan));
        span++;
        firstOfSpan = _pieces.Count;
    }
}
