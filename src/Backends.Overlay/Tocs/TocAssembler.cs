using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>
/// Makes a layer index of members and chunks. A table of contents does not say where the data lies in the tar stream, for the lengths of headers are
/// not in it; it says from where each chunk can be decompressed. So each such place is a span, and stands in the index for a stream that is made of the
/// spans alone, one after another: of each only what its pieces need.
/// </summary>
sealed class TocAssembler(LayerIndexWriter index, ImageLayer layer)
{
    readonly LayerEntryWriter _entries = new(index);
    readonly long _most = BlobDecompressor.DefaultMaxOutput(layer.Blob.Size);
    long _pieces;

    /// <summary>The open span; none is open while its id is negative.</summary>
    int _span = -1;
    long _inOffset;
    long _inEnd;
    long _outOffset;
    long _outEnd;
    long _firstOfSpan;

    /// <param name="entry">Checked here.</param>
    /// <param name="chunks">All of its data, in order.</param>
    /// <exception cref="LayerImportException">The chunks are not the file.</exception>
    /// <exception cref="TarException">There can be no such entry.</exception>
    public void Add(TarEntry entry, IReadOnlyList<TocChunk> chunks)
    {
        TarEntryRules.Check(entry);
        switch (_entries.Begin(entry))
        {
            case MemberKind.Ignored:
                return;
            case MemberKind.WithoutContent:
                _entries.End(0, 0);
                return;
        }

        var first = _pieces;
        var offset = 0L;
        foreach (var chunk in chunks)
        {
            if (chunk.Length < 1 || chunk.Length > entry.Size - offset) throw Bad(entry, "chunks are not the file");
            AddPiece(entry, chunk, offset);
            offset += chunk.Length;
        }

        if (offset != entry.Size) throw Bad(entry, "chunks are not the whole file");
        _entries.End(first, checked((int)(_pieces - first)));
    }

    /// <param name="dataEnd">The compressed offset where the files' data ends.</param>
    public LayerInfo Complete(long dataEnd)
    {
        if (_span >= 0) EndSpan(dataEnd);
        else index.Add(new SeekSpan(_span = 0, SeekPoint.Fresh(0, 0), 0, 0, 0, 0), []);
        _entries.CheckGrowth(_outEnd);
        return new LayerInfo(
            layer.Blob.Digest, layer.Blob.Size, layer.DiffId, _outEnd, layer.Compression, _entries.DataSize, _entries.Allocated, _entries.Count, _pieces, _span + 1);
    }

    void AddPiece(TarEntry entry, in TocChunk chunk, long fileOffset)
    {
        if (chunk.Sha256 is null) throw Bad(entry, "chunks have no SHA-256");
        if (chunk.Offset < 0 || chunk.InnerOffset < 0 || chunk.Offset >= layer.Blob.Size || chunk.End > layer.Blob.Size || (chunk.End != 0 && chunk.End <= chunk.Offset))
            throw Bad(entry, "data lies outside the layer");
        if (_span < 0 || chunk.Offset != _inOffset) BeginSpan(entry, chunk);
        if (chunk.End != 0 && chunk.End < _inEnd) throw Bad(entry, "data ends before it begins");
        _inEnd = chunk.End;
        // Pieces of one span come one after another.
        if (chunk.InnerOffset < _outEnd - _outOffset) throw Bad(entry, "data lies in other data");
        if (chunk.InnerOffset > _most - _outOffset || chunk.Length > _most - _outOffset - chunk.InnerOffset)
            throw new LayerImportException($"its files grow to more than {_most} bytes from {layer.Blob.Size}: a decompression bomb");
        index.Add(new Piece(_pieces++, _entries.Count, _entries.DataOffset + fileOffset, chunk.Length, _outOffset + chunk.InnerOffset, _span, chunk.Sha256));
        _outEnd = _outOffset + chunk.InnerOffset + chunk.Length;
    }

    void BeginSpan(TarEntry entry, in TocChunk chunk)
    {
        if (_span >= 0)
        {
            if (chunk.Offset < _inOffset || chunk.Offset < _inEnd) throw Bad(entry, "data does not come in the order of the layer");
            EndSpan(chunk.Offset);
        }

        if (++_span == IndexBlobFormat.MaxSpans) throw new LayerImportException($"it has more than {IndexBlobFormat.MaxSpans} places to decompress from");
        (_inOffset, _inEnd, _outOffset, _firstOfSpan) = (chunk.Offset, 0, _outEnd, _pieces);
    }

    void EndSpan(long next)
    {
        var end = _inEnd == 0 ? next : _inEnd;
        if (end <= _inOffset || end > layer.Blob.Size) throw new LayerImportException("its last file lies behind all files");
        index.Add(new SeekSpan(_span, SeekPoint.Fresh(_inOffset, _outOffset), end, _outEnd, _firstOfSpan, _pieces - _firstOfSpan), []);
    }

    static LayerImportException Bad(TarEntry entry, string why) => new($"its table of contents is wrong of {TarField.Display(entry.Path)}: its {why}");
}
