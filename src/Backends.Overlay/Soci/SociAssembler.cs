using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.Backends.Overlay.Tocs;

namespace VirtioFsStore.Backends.Overlay.Soci;

/// <summary>Makes a layer index of a ztoc. Its digests are those of spans, compressed, so that its pieces have none: their spans have.</summary>
sealed class SociAssembler : IDisposable
{
    readonly LayerIndexWriter _index;
    readonly ImageLayer _layer;
    readonly Ztoc _ztoc;
    readonly SeekPoint[] _points;
    readonly LayerEntryWriter _entries;
    readonly WindowCodec _windows = new();
    long _pieces;
    int _span;
    long _firstOfSpan;
    long _end;

    /// <exception cref="LayerImportException">The table is of another layer, or its spans are impossible.</exception>
    public SociAssembler(LayerIndexWriter index, ImageLayer layer, Ztoc ztoc)
    {
        (_index, _layer, _ztoc) = (index, layer, ztoc);
        _points = Zinfo.Read(ztoc.Checkpoints);
        _entries = new LayerEntryWriter(index);
        if (ztoc.CompressedSize != layer.Blob.Size) throw new LayerImportException($"it is of a layer of {ztoc.CompressedSize} bytes");
        if (ztoc.SpanDigestCount != _points.Length) throw new LayerImportException($"it has {ztoc.SpanDigestCount} digests of {_points.Length} spans");
        if (ztoc.UncompressedSize <= _points[^1].OutOffset || ztoc.UncompressedSize > BlobDecompressor.DefaultMaxOutput(layer.Blob.Size))
            throw new LayerImportException($"a stream of {ztoc.UncompressedSize} bytes is impossible");
        for (var i = 0; i < _points.Length; i++)
            if (InEnd(i) <= _points[i].InOffset || InEnd(i) - _points[i].InOffset > SeekSpan.MaxVerified)
                throw new LayerImportException($"span {i} has {InEnd(i) - _points[i].InOffset} compressed bytes");
    }

    /// <exception cref="LayerImportException">A file is impossible.</exception>
    /// <exception cref="TarException">There can be no such entry.</exception>
    public LayerInfo Run(CancellationToken cancellation)
    {
        for (var i = 0; i < _ztoc.FileCount; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Add(TocMembers.Member(_ztoc.File(i, out var offset)), offset);
        }

        while (_span < _points.Length) EndSpan();
        _entries.CheckGrowth(_ztoc.UncompressedSize);
        return new LayerInfo(
            _layer.Blob.Digest, _layer.Blob.Size, _layer.DiffId, _ztoc.UncompressedSize, _layer.Compression,
            _entries.DataSize, _entries.Allocated, _entries.Count, _pieces, _points.Length);
    }

    public void Dispose() => _windows.Dispose();

    void Add(TarEntry entry, long offset)
    {
        TarEntryRules.Check(entry);
        if (offset < _end || offset > _ztoc.UncompressedSize || entry.Size > _ztoc.UncompressedSize - offset)
            throw new LayerImportException($"{TarField.Display(entry.Path)} does not lie behind the file before it, in the stream");
        _end = offset + entry.Size;
        var kind = _entries.Begin(entry);
        if (kind == MemberKind.Ignored) return;
        var first = _pieces;
        if (kind == MemberKind.WithContent) AddPieces(offset, entry.Size);
        _entries.End(_pieces == first ? 0 : first, checked((int)(_pieces - first)));
    }

    void AddPieces(long offset, long size)
    {
        for (long done = 0; done < size;)
        {
            while (OutEnd(_span) <= offset + done) EndSpan();
            var length = Math.Min(size - done, OutEnd(_span) - offset - done);
            _index.Add(new Piece(_pieces++, _entries.Count, _entries.DataOffset + done, length, offset + done, _span, default));
            done += length;
        }
    }

    void EndSpan()
    {
        var point = _points[_span];
        _index.Add(
            new SeekSpan(_span, point, InEnd(_span), OutEnd(_span), _firstOfSpan, _pieces - _firstOfSpan) { Sha256 = _ztoc.SpanDigest(_span) },
            _windows.Pack(point.Window.Span));
        _span++;
        _firstOfSpan = _pieces;
    }

    long InEnd(int span) => span + 1 < _points.Length ? _points[span + 1].InOffset : _layer.Blob.Size;

    long OutEnd(int span) => span + 1 < _points.Length ? _points[span + 1].OutOffset : _ztoc.UncompressedSize;
}
