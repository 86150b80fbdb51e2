using Microsoft.Win32.SafeHandles;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>
/// Unpacks an index blob into a layer index. Every value is checked as if it had come from a tar stream, and what follows from others (ids,
/// places in the data file, the pieces' bounds) is computed here as it is for a stream, so that it cannot contradict them. What remains to be
/// believed is which bytes the blob holds; those are held to the pieces' digests when they are fetched.
/// </summary>
sealed class IndexBlobReader : IDisposable
{
    /// <summary>Bytes of a layer index for each byte of its blob, beyond <see cref="AlwaysAllowed"/>: a blob packs empty files with names that are alike to
    /// a fiftieth, and others far less.</summary>
    const long MaxGrowth = 64;

    /// <summary>Bytes of a layer index for each byte of the compressed layer, beyond <see cref="AlwaysAllowed"/>: empty files take a fifth of their rows.</summary>
    const long MaxShare = 8;

    const long AlwaysAllowed = 16 << 20;

    /// <summary>Pieces and spans between two looks at the file's size.</summary>
    const int RowsAtOnce = 4096;

    readonly SafeFileHandle _file;
    readonly LayerInfo _info;
    readonly long _mostBytes;
    readonly SectionReader[] _sections = new SectionReader[IndexBlobHeader.SectionCount];
    readonly ImportedSpan[] _spans;

    /// <summary>Of each span.</summary>
    readonly int[] _pieces;
    readonly byte[] _hash = new byte[32];
    long _pieceCount;
    int _span;
    int _rows;

    /// <param name="path">The blob, whose digest was verified.</param>
    /// <param name="layer">Whose index it should be.</param>
    /// <exception cref="LayerImportException">It is not.</exception>
    public IndexBlobReader(string path, ImageLayer layer)
    {
        _file = File.OpenHandle(path);
        try
        {
            var size = RandomAccess.GetLength(_file);
            var start = new byte[Math.Min(size, IndexBlobFormat.MaxHeaderSize)];
            for (var have = 0; have < start.Length;)
                have += RandomAccess.Read(_file, start.AsSpan(have), have) is > 0 and var read ? read : throw new LayerImportException("it is shorter than it was");
            var header = IndexBlobHeader.Decode(start, size, out var length);
            _info = header.Info;
            CheckLayer(layer);
            CheckSizes(header);
            _mostBytes = AlwaysAllowed + Math.Min(MaxGrowth * size, MaxShare * layer.Blob.Size);
            var offset = (long)length;
            for (var i = 0; i < _sections.Length; i++)
            {
                var (packed, unpacked) = header.Sections[i];
                _sections[i] = new SectionReader(_file, offset, packed, unpacked);
                offset += packed;
            }

            _spans = new ImportedSpan[_info.SpanCount];
            _pieces = new int[_info.SpanCount];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Once only.</summary>
    /// <param name="index">Gets the entries, pieces and spans; it is not completed.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LayerImportException">The blob is damaged.</exception>
    /// <exception cref="TarException">It says what cannot be in an image.</exception>
    public LayerInfo ReadInto(LayerIndexWriter index, CancellationToken cancellation)
    {
        ReadSpans();
        var entries = new LayerEntryWriter(index);
        var members = new MemberGroupReader(_sections[(int)IndexSection.Entries]);
        var entry = new TarEntry();
        while (_sections[(int)IndexSection.Entries].Left > 0 || entries.Count < _info.EntryCount)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entries.Count == _info.EntryCount) throw new LayerImportException($"it has more entries than the {_info.EntryCount} that it announces");
            if (members.IsAtGroup) CheckGrowth(index);
            var member = members.Read(entry);
            switch (entries.Begin(entry))
            {
                case MemberKind.Ignored:
                    throw new LayerImportException($"it has the entry {TarField.Display(entry.Path)}, which is no part of an image");
                case MemberKind.WithContent:
                    var first = _pieceCount;
                    AddPieces(index, member, entries);
                    entries.End(first, checked((int)(_pieceCount - first)));
                    break;
                default:
                    if (member.DataLength > 0) throw new LayerImportException($"the whiteout {TarField.Display(entry.Path)} has data");
                    entries.End(0, 0);
                    break;
            }
        }

        members.Complete();
        entries.CheckGrowth(_info.StreamSize);
        WriteSpans(index, cancellation);
        foreach (var section in _sections) section.Complete();
        var read = _info with { DataSize = entries.DataSize, Allocated = entries.Allocated, EntryCount = entries.Count, PieceCount = _pieceCount };
        return read == _info ? read : throw new LayerImportException("its header announces other numbers than it has");
    }

    public void Dispose()
    {
        foreach (var section in _sections) section?.Dispose();
        _file.Dispose();
    }

    void CheckLayer(ImageLayer layer)
    {
        if (_info.BlobDigest != layer.Blob.Digest) throw new LayerImportException($"it is of layer {_info.BlobDigest}");
        if (_info.DiffId != layer.DiffId) throw new LayerImportException($"it is of a layer that decompresses to {_info.DiffId}, but the image's configuration says {layer.DiffId}");
        if (_info.BlobSize != layer.Blob.Size) throw new LayerImportException($"it is of a layer of {_info.BlobSize} bytes, not {layer.Blob.Size}");
        if (_info.Compression != layer.Compression) throw new LayerImportException($"it is of a layer that is {_info.Compression}, not {layer.Compression}");
        if (_info.Compression == Compression.None && _info.StreamSize != _info.BlobSize) throw new LayerImportException("it is of plain data that has another size decompressed");
    }

    /// <summary>The bounds that a layer would meet that is streamed: none is paid for by more than its own bytes could cost.</summary>
    void CheckSizes(IndexBlobHeader header)
    {
        var most = BlobDecompressor.DefaultMaxOutput(_info.BlobSize);
        if (_info.StreamSize > most) throw new LayerImportException($"its layer grows to {_info.StreamSize} bytes from {_info.BlobSize}: a decompression bomb");
        if (_info.EntryCount > most / TarParser.BlockSize) throw new LayerImportException($"it has {_info.EntryCount} entries of {_info.BlobSize} compressed bytes");
        // The stream's seek points lie so far apart at least.
        if (_info.SpanCount == 0 || _info.SpanCount - 1 > _info.StreamSize / StreamDecoder.DefaultSpanSize) throw new LayerImportException($"it has {_info.SpanCount} spans of {_info.StreamSize} bytes");
        if (_info.PieceCount > _info.StreamSize) throw new LayerImportException($"it has {_info.PieceCount} pieces of {_info.StreamSize} bytes");
        if (header.Sections[(int)IndexSection.Entries].Size > most) throw new LayerImportException("its entries have more bytes than the layer could have");
        if (header.Sections[(int)IndexSection.Hashes].Size != _info.PieceCount * _hash.Length) throw new LayerImportException("it has not a hash for each piece");
    }

    /// <summary>Of a piece or a span, of which any number may come between two groups of entries.</summary>
    void CountRow(LayerIndexWriter index)
    {
        if (++_rows % RowsAtOnce == 0) CheckGrowth(index);
    }

    /// <exception cref="LayerImportException">The index grows to more than its blob and the layer are worth: bytes that are alike cost next to nothing in a
    /// blob.</exception>
    void CheckGrowth(LayerIndexWriter index)
    {
        if (index.Size > _mostBytes) throw new LayerImportException($"it grows to more than {_mostBytes} bytes: a decompression bomb");
    }

    void ReadSpans()
    {
        var section = _sections[(int)IndexSection.Spans];
        var (inOffset, outOffset) = (0L, 0L);
        for (var i = 0; i < _spans.Length; i++)
        {
            var span = _spans[i] = SpanCoding.Read(section, _info.Compression, inOffset, outOffset);
            if (span.InEnd > _info.BlobSize || span.OutEnd > _info.StreamSize) throw new LayerImportException("a span leaves the layer");
            // A stream of no bytes has one span all the same.
            if (span.OutEnd == outOffset && _info.StreamSize > 0) throw new LayerImportException("a span gives nothing");
            (inOffset, outOffset) = (span.InEnd, span.OutEnd);
        }

        if (outOffset != _info.StreamSize) throw new LayerImportException($"its spans give {outOffset} bytes, not {_info.StreamSize}");
    }

    /// <summary>Cuts a file's data where extents and spans end.</summary>
    void AddPieces(LayerIndexWriter index, in IndexedMember member, LayerEntryWriter entries)
    {
        if (member.DataOffset > _info.StreamSize - member.DataLength) throw new LayerImportException($"the data of {TarField.Display(member.Entry.Path)} leaves the stream");
        var stream = member.DataOffset;
        if (member.Entry.Extents is not { } extents)
        {
            AddPieces(index, entries, entries.DataOffset, member.DataLength, ref stream);
            return;
        }

        foreach (var (offset, length) in extents) AddPieces(index, entries, entries.DataOffset + offset, length, ref stream);
    }

    void AddPieces(LayerIndexWriter index, LayerEntryWriter entries, long dataOffset, long length, ref long stream)
    {
        while (length > 0)
        {
            while (_spans[_span].OutEnd <= stream) _span++;
            var part = Math.Min(length, _spans[_span].OutEnd - stream);
            if (_pieceCount == _info.PieceCount) throw new LayerImportException($"its files have more than the {_info.PieceCount} pieces that it announces");
            CountRow(index);
            _sections[(int)IndexSection.Hashes].Read(_hash);
            index.Add(new Piece(_pieceCount++, entries.Count, dataOffset, part, stream, _span, _hash));
            _pieces[_span]++;
            dataOffset += part;
            stream += part;
            length -= part;
        }
    }

    void WriteSpans(LayerIndexWriter index, CancellationToken cancellation)
    {
        var section = _sections[(int)IndexSection.Windows];
        using var windows = new WindowCodec();
        var buffer = new byte[Zlib.WindowSize];
        var first = 0L;
        for (var i = 0; i < _spans.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            CountRow(index);
            var window = buffer.AsMemory(0, _spans[i].WindowSize);
            section.Read(window.Span);
            index.Add(new SeekSpan(i, _spans[i].Point(window), _spans[i].InEnd, _spans[i].OutEnd, first, _pieces[i]), windows.Pack(window.Span));
            first += _pieces[i];
        }
    }
}
