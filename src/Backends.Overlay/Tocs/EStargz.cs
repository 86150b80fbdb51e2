using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>eStargz (stargz-snapshotter, docs/estargz.md): gzip with a member for each file or chunk, and a table of contents as the tar's last file,
/// to which a footer points. An ordinary unpack shows that file, so it is an entry here as well.</summary>
static class EStargz
{
    /// <summary>On the layer's descriptor: the digest of the table's JSON.</summary>
    public const string DigestAnnotation = "containerd.io/snapshot/stargz/toc.digest";

    const string TocName = "stargz.index.json";

    public static ITocChunking Chunking { get; } = new EStargzChunking();

    /// <returns>The table's digest; null where the blob has no footer and none was announced.</returns>
    /// <param name="folder">Of the layer.</param>
    /// <param name="layer">Compressed by gzip.</param>
    /// <param name="pinned">What the table's digest must be; null takes any.</param>
    /// <param name="blob">The layer's.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LayerImportException">The table is not sound, or says what cannot be.</exception>
    /// <exception cref="TarException">It says what cannot be in an image.</exception>
    /// <exception cref="SourceException">The blob cannot be read.</exception>
    public static async ValueTask<Digest?> ImportAsync(string folder, ImageLayer layer, Digest? pinned, IRangeSource blob, CancellationToken cancellation)
    {
        if (await EStargzFooter.ReadAsync(blob, cancellation).ConfigureAwait(false) is not { } tocOffset)
            return pinned is null ? null : throw new LayerImportException("it has no eStargz footer");
        var packed = new byte[TocBytes.CheckPacked(blob.Size - EStargzFooter.Size - tocOffset)];
        await blob.ReadAsync(tocOffset, packed, cancellation).ConfigureAwait(false);
        var member = TocBytes.Gunzip(packed);
        var toc = new TocFile(TocName);
        var parser = new TarParser(toc);
        parser.Feed(member.Span);
        parser.Complete();
        var json = member.Slice((int)toc.DataOffset, (int)toc.Entry.Size);
        var hash = SHA256.HashData(json.Span);
        var digest = Digest.FromHash("sha256", hash);
        if (pinned is not null && pinned != digest) throw new LayerImportException($"its table of contents has digest {digest}, but the manifest says {pinned}");
        using var index = new LayerIndexWriter(Path.Combine(folder, LayerBuilder.IndexName));
        var assembler = new TocAssembler(index, layer);
        var members = new TocMembers(assembler, Chunking);
        TocReader.Read(json.Span, entry =>
        {
            cancellation.ThrowIfCancellationRequested();
            members.Add(entry);
        });
        members.Complete();
        assembler.Add(toc.Entry, [new TocChunk(tocOffset, toc.DataOffset, 0, toc.Entry.Size, hash)]);
        var info = assembler.Complete(blob.Size - EStargzFooter.Size);
        LayerFolder.CreateEmptyData(folder, info.DataSize);
        LayerFolder.Complete(folder, index, PieceState.Absent, digest, info);
        return digest;
    }

    sealed class EStargzChunking : ITocChunking
    {
        public bool IsWhole(TocEntry file) => false;

        public List<TocChunk> ChunksOf(TocEntry file, IReadOnlyList<TocPart> parts)
        {
            var chunks = new List<TocChunk>(parts.Count);
            var offset = 0L;
            foreach (var part in parts)
            {
                if (part.ChunkOffset != offset) throw new LayerImportException($"the chunks of {TarField.Display(file.Name)} do not follow each other");
                var length = part.ChunkSize == 0 ? file.Size - offset : part.ChunkSize;
                if (length < 1 || length > file.Size - offset) throw new LayerImportException($"the chunks of {TarField.Display(file.Name)} are not the file");
                chunks.Add(new TocChunk(part.Offset, part.InnerOffset, 0, length, part.Sha256));
                offset += length;
            }

            // Tables of the first version have the file's digest alone.
            if (parts.Count == 1 && parts[0].Sha256 is null && file.Digest is not null) chunks[0] = chunks[0] with { Sha256 = TocPart.HashOf(file, file.Digest) };
            return chunks;
        }
    }
}
