using System.Globalization;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>zstd:chunked (containers/storage, pkg/chunked): zstd with frames for each file or chunk, and a table of contents in a skippable frame, of
/// which the layer's annotations tell. Chunks are some kilobytes; a file's frames follow each other, so that several make a span.</summary>
static class ZstdChunked
{
    /// <summary>On the layer's descriptor: the digest of the table as it is compressed.</summary>
    public const string DigestAnnotation = "io.github.containers.zstd-chunked.manifest-checksum";

    /// <summary>On the layer's descriptor: OFFSET:LENGTH:UNCOMPRESSED-LENGTH:TYPE of the table.</summary>
    public const string PositionAnnotation = "io.github.containers.zstd-chunked.manifest-position";

    const string CrfsType = "1";

    /// <param name="folder">Of the layer.</param>
    /// <param name="layer">With the annotations.</param>
    /// <param name="pinned">The table's digest.</param>
    /// <param name="blob">The layer's.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LayerImportException">The table is not sound, or says what cannot be.</exception>
    /// <exception cref="TarException">It says what cannot be in an image.</exception>
    /// <exception cref="SourceException">The blob cannot be read.</exception>
    public static async ValueTask ImportAsync(string folder, ImageLayer layer, Digest pinned, IRangeSource blob, CancellationToken cancellation)
    {
        var (offset, length, size) = Position(layer);
        if (length == 0 || offset > blob.Size - length) throw new LayerImportException($"its table of contents lies at byte {offset} of {blob.Size}");
        var packed = new byte[TocBytes.CheckPacked(length)];
        await blob.ReadAsync(offset, packed, cancellation).ConfigureAwait(false);
        using var hash = pinned.CreateHash();
        hash.AppendData(packed);
        if (!pinned.Matches(hash, out var actual)) throw new LayerImportException($"its table of contents has digest {actual}, but the manifest says {pinned}");
        var json = TocBytes.Unzstd(packed, size);
        using var index = new LayerIndexWriter(Path.Combine(folder, LayerBuilder.IndexName));
        var assembler = new TocAssembler(index, layer);
        var members = new TocMembers(assembler, new Chunking());
        TocReader.Read(json, entry =>
        {
            cancellation.ThrowIfCancellationRequested();
            members.Add(entry);
        });
        members.Complete();
        var info = assembler.Complete(offset);
        LayerFolder.CreateEmptyData(folder, info.DataSize);
        LayerFolder.Complete(folder, index, PieceState.Absent, pinned, info);
    }

    static (long Offset, long Length, long Size) Position(ImageLayer layer)
    {
        var parts = layer.Blob.Annotations.GetValueOrDefault(PositionAnnotation, "").Split(':');
        if (parts.Length != 4 || parts[3] != CrfsType) throw new LayerImportException("the position of its table of contents is missing, or of a kind that is not known");
        return (Number(parts[0]), Number(parts[1]), Number(parts[2]));

        static long Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new LayerImportException("the position of its table of contents is no number");
    }

    sealed class Chunking : ITocChunking
    {
        /// <summary>A file that makes one span is one piece.</summary>
        public bool IsWhole(TocEntry file) => file.Size <= StreamDecoder.DefaultSpanSize && file.Digest is not null;

        public List<TocChunk> ChunksOf(TocEntry file, IReadOnlyList<TocPart> parts)
        {
            // So is one that has no chunks.
            if (parts.Count == 1) return [new TocChunk(file.Offset, 0, file.EndOffset, file.Size, file.Digest is null ? null : TocPart.HashOf(file, file.Digest))];
            var chunks = new List<TocChunk>(parts.Count);
            var (offset, spanStart, spanOffset) = (0L, 0L, file.Offset);
            foreach (var part in parts)
            {
                if (part.ChunkOffset != offset || part.ChunkSize < 1 || part.ChunkSize > file.Size - offset)
                    throw new LayerImportException($"the chunks of {TarField.Display(file.Name)} are not the file");
                if (offset - spanStart + part.ChunkSize > StreamDecoder.DefaultSpanSize && offset > spanStart)
                {
                    (spanStart, spanOffset) = (offset, part.Offset);
                    // Nothing more is needed for the span before than what lies before this one.
                    for (var j = chunks.Count - 1; j >= 0 && chunks[j].End == 0; j--) chunks[j] = chunks[j] with { End = part.Offset };
                }

                chunks.Add(new TocChunk(spanOffset, offset - spanStart, 0, part.ChunkSize, part.Sha256));
                offset += part.ChunkSize;
            }

            for (var j = chunks.Count - 1; j >= 0 && chunks[j].End == 0; j--) chunks[j] = chunks[j] with { End = file.EndOffset };
            return chunks;
        }
    }
}
