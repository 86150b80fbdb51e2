using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Indexes a layer: one pass over its stream makes index, data and state file.</summary>
public static class LayerBuilder
{
    public const string IndexName = "index.db";
    public const string DataName = "data";
    public const string StateName = "state";
    public const string DigestsName = "digests";
    /// <summary>Of a layer whose index has no digests of pieces: those that were noted here.</summary>
    public const string PieceDigestsName = "piece-digests";

    public const string UsedName = "used";

    /// <summary>Builds into a folder that exists and is empty. The result may be put in place only after this returned, and
    /// after all of it was synced.</summary>
    /// <param name="folder">Gets the files.</param>
    /// <param name="layer">What the image says of the layer.</param>
    /// <param name="blob">Its bytes.</param>
    /// <param name="progress">Called after each chunk with the compressed bytes read.</param>
    /// <param name="cancellation">Ends the work; the folder is then to be removed.</param>
    /// <exception cref="ImageException">The layer is not sound, or cannot be read.</exception>
    public static async ValueTask BuildAsync(
        string folder, ImageLayer layer, IRangeSource blob, Action<long>? progress, CancellationToken cancellation)
    {
        if (blob.Size != layer.Blob.Size)
            throw Bad(layer, blob, $"it has {blob.Size} bytes, but the manifest says {layer.Blob.Size}: the copy is damaged; fetch the image again", null);
        try
        {
            using var index = new LayerIndexWriter(Path.Combine(folder, IndexName));
            using var data = new LayerDataWriter(Path.Combine(folder, DataName));
            using var indexer = new LayerIndexer(index, data);
            var parser = new TarParser(indexer);
            var stream = new BlobDecompressor(blob, layer.Compression, layer.Blob.Digest, layer.DiffId);
            TarException? unsound = null;
            await foreach (var chunk in stream.ReadAsync(cancellation).ConfigureAwait(false))
            {
                // The rest is read all the same: a wrong digest says more than what the wrong bytes led to.
                if (unsound is null) unsound = Feed(chunk);
                progress?.Invoke(chunk.Taken);
            }

            if (unsound is not null) throw unsound;
            parser.Complete();
            data.Complete(indexer.DataSize);
            var spans = indexer.Complete(blob.Size, parser.Offset);
            LayerFolder.Complete(folder, index, PieceState.Present, null, new LayerInfo(
                layer.Blob.Digest, blob.Size, layer.DiffId, parser.Offset, layer.Compression,
                indexer.DataSize, indexer.Allocated, indexer.EntryCount, indexer.PieceCount, spans));

            TarException? Feed(in DecompressedChunk chunk)
            {
                try
                {
                    indexer.AddPoints(chunk.Points);
                    parser.Feed(chunk.Data.Span);
                    indexer.Advance(parser.Offset);
                    return null;
                }
                catch (TarException e)
                {
                    return e;
                }
            }
        }
        catch (Exception e) when (e is TarException or DecompressionException or SourceException)
        {
            throw Bad(layer, blob, e.Message, e);
        }
    }

    static ImageException Bad(ImageLayer layer, IRangeSource blob, string why, Exception? inner)
    {
        var message = $"layer {layer.Blob.Digest} ({blob.Name}) cannot be used: {why}";
        return inner is null ? new ImageException(message) : new ImageException(message, inner);
    }
}
