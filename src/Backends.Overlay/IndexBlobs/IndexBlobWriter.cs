using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>Packs a layer index into a blob that other hosts can take: what follows from something else is left out.</summary>
public sealed class IndexBlobWriter
{
    /// <summary>For what is packed once and fetched often.</summary>
    const int Level = 19;

    /// <summary>For hashes, of which nothing can be packed.</summary>
    const int StoredLevel = 1;

    readonly LayerIndex _index;
    readonly FileStream _output;
    readonly List<(long Packed, long Size)> _sections = [];

    IndexBlobWriter(LayerIndex index, FileStream output) => (_index, _output) = (index, output);

    /// <summary>Writes a new file.</summary>
    /// <param name="index">Complete.</param>
    /// <param name="path">Of the blob.</param>
    /// <returns>Bytes of each part: spans, entries, hashes, windows.</returns>
    /// <exception cref="ImageException">The layer has more spans than a blob can have.</exception>
    public static IReadOnlyList<long> Write(LayerIndex index, string path)
    {
        if (index.SpanCount > IndexBlobFormat.MaxSpans)
            throw new ImageException($"layer {index.Info.BlobDigest} has {index.SpanCount} seek points; an index that can be pushed has at most {IndexBlobFormat.MaxSpans}");
        using var output = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        var writer = new IndexBlobWriter(index, output);
        writer.WriteAll();
        return [.. writer._sections.Select(section => section.Packed)];
    }

    void WriteAll()
    {
        var length = new IndexBlobHeader(_index.Info, new (long, long)[IndexBlobHeader.SectionCount]).Encode().Length;
        _output.Position = length;
        Section(Level, WriteSpans);
        Section(Level, WriteEntries);
        Section(StoredLevel, WriteHashes);
        Section(Level, WriteWindows);
        _output.Position = 0;
        _output.Write(new IndexBlobHeader(_index.Info, _sections).Encode());
    }

    void Section(int level, Action<SectionWriter> write)
    {
        using var section = new SectionWriter(_output, level);
        write(section);
        _sections.Add(section.Complete());
    }

    void WriteSpans(SectionWriter section)
    {
        var column = new ColumnWriter();
        var end = 0L;
        foreach (var span in _index.ReadSpans())
        {
            column.Clear();
            SpanCoding.Write(column, span, end);
            section.Write(column.Written);
            end = span.InEnd;
        }
    }

    void WriteEntries(SectionWriter section)
    {
        var group = new MemberGroupWriter();
        using var pieces = _index.ReadPieces(0, _index.PieceCount).GetEnumerator();
        var next = 0L;
        foreach (var entry in _index.ReadEntries())
        {
            if (group.IsFull) group.WriteTo(section);
            long? dataOffset = null;
            if (entry.PieceCount > 0)
            {
                for (; next <= entry.FirstPiece; next++)
                    if (!pieces.MoveNext())
                        throw new ImageException($"the index of layer {_index.Info.BlobDigest} in the store is damaged: it has {next} pieces, not {_index.PieceCount}");
                dataOffset = pieces.Current.StreamOffset;
            }

            group.Add(entry, dataOffset);
        }

        group.WriteTo(section);
    }

    void WriteHashes(SectionWriter section)
    {
        foreach (var piece in _index.ReadPieces(0, _index.PieceCount)) section.Write(piece.Sha256.Span);
    }

    void WriteWindows(SectionWriter section)
    {
        foreach (var span in _index.ReadSpans()) section.Write(span.Start.Window.Span);
    }
}
