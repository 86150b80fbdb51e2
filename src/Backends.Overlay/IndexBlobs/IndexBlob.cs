using System.Globalization;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>An index blob that an image has for a layer: finding it, and taking it.</summary>
static class IndexBlob
{
    /// <summary>What an index may have beyond its layer's own size: one that is larger is slower than the layer.</summary>
    const long SmallEnough = 1 << 20;

    const string FileName = "index-blob";
    const int BufferSize = 256 << 10;

    /// <summary>What the layer's annotations say; null where they say nothing.</summary>
    /// <exception cref="ImageException">They say something else than a digest and a size.</exception>
    public static Descriptor? Of(ImageLayer layer)
    {
        if (layer.Blob.Annotations.GetValueOrDefault(IndexBlobFormat.DigestAnnotation) is not { } text) return null;
        var digest = Digest.TryParse(text) ?? throw Bad(layer, $"its digest {TarField.Display(Encoding.UTF8.GetBytes(text))} is none");
        if (!long.TryParse(layer.Blob.Annotations.GetValueOrDefault(IndexBlobFormat.SizeAnnotation), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            throw Bad(layer, "its size is missing or no number");
        if (size == 0 || size > layer.Blob.Size + SmallEnough) throw Bad(layer, $"it has {size} bytes, the layer {layer.Blob.Size}");
        return new Descriptor(IndexBlobFormat.MediaType, digest, size, null, new Dictionary<string, string>());
    }

    /// <summary>Makes a layer's folder; see <see cref="RemoteIndexes.LayerImporter"/>.</summary>
    /// <exception cref="ImageException">The blob is not what it should be.</exception>
    /// <exception cref="SourceException">It cannot be read.</exception>
    public static async ValueTask ImportAsync(string folder, ImageLayer layer, Descriptor blob, IImageSource source, CancellationToken cancellation)
    {
        var path = Path.Combine(folder, FileName);
        await FetchAsync(path, layer, blob, source, cancellation).ConfigureAwait(false);
        Import(folder, layer, blob.Digest, path, cancellation);
        File.Delete(path);
    }

    /// <param name="folder">Of the layer.</param>
    /// <param name="layer">Whose index it should be.</param>
    /// <param name="digest">The blob's, verified.</param>
    /// <param name="path">Where it lies.</param>
    /// <param name="cancellation">Ends the work.</param>
    internal static void Import(string folder, ImageLayer layer, Digest digest, string path, CancellationToken cancellation)
    {
        try
        {
            using var reader = new IndexBlobReader(path, layer);
            using var index = new LayerIndexWriter(Path.Combine(folder, LayerBuilder.IndexName));
            var info = reader.ReadInto(index, cancellation);
            LayerFolder.CreateEmptyData(folder, info.DataSize);
            LayerFolder.Complete(folder, index, PieceState.Absent, digest, info);
        }
        catch (Exception e) when (e is LayerImportException or TarException)
        {
            throw new ImageException($"index {digest} of layer {layer.Blob.Digest} cannot be used: {e.Message}", e);
        }
    }

    static async ValueTask FetchAsync(string path, ImageLayer layer, Descriptor blob, IImageSource source, CancellationToken cancellation)
    {
        var from = await source.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
        await using var ends = from.ConfigureAwait(false);
        if (from.Size != blob.Size) throw Bad(layer, $"{from.Name} has {from.Size} bytes, but {blob.Size} were announced");
        using var hash = blob.Digest.CreateHash();
        var stream = await from.OpenAsync(0, blob.Size, cancellation).ConfigureAwait(false);
        await using var streamEnds = stream.ConfigureAwait(false);
        var output = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        await using var outputEnds = output.ConfigureAwait(false);
        var buffer = new byte[BufferSize];
        for (long have = 0; have < blob.Size;)
        {
            var read = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false);
            if (read == 0) throw new SourceException($"{from.Name} ended at byte {have} of {blob.Size}");
            have += read;
            hash.AppendData(buffer, 0, read);
            await output.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
        }

        if (!blob.Digest.Matches(hash, out var actual)) throw Bad(layer, $"{from.Name} has digest {actual}: the copy is damaged");
    }

    static ImageException Bad(ImageLayer layer, string why) => new($"the index of layer {layer.Blob.Digest} cannot be used: {why}");
}
