using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Soci;

/// <summary>SOCI's index of an image (awslabs/soci-snapshotter, docs/soci-index-manifest-v2.md): an artifact that the image's manifest pins by an
/// annotation, with a ztoc for each layer that is not small.</summary>
static class SociIndex
{
    /// <summary>On an image's manifest: the digest of the artifact's.</summary>
    public const string DigestAnnotation = "com.amazon.soci.index-digest";

    const string ArtifactType = "application/vnd.amazon.soci.index.v2+json";
    const string LayerAnnotation = "com.amazon.soci.image-layer-digest";

    /// <summary>It is in memory while it is read. With 4 MiB a span, as SOCI has it, that is enough for a layer of 16 GiB.</summary>
    const long MaxTableSize = 128 << 20;

    /// <summary>What a table may have beyond its layer's own size: one that is larger is slower than the layer.</summary>
    const long SmallEnough = 1 << 20;

    /// <param name="folder">Of the layer; may hold something after a failure.</param>
    /// <param name="layer">Of an image that may pin an index.</param>
    /// <param name="source">Has the image.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>False where there is no table of this layer.</returns>
    /// <exception cref="ImageException">There is one that cannot be used.</exception>
    /// <exception cref="SourceException">It cannot be read.</exception>
    public static async ValueTask<bool> TryImportAsync(string folder, ImageLayer layer, IImageSource source, CancellationToken cancellation)
    {
        if (layer.SociIndex is not { Digest: { } digest } reference || layer.Compression != Compression.Gzip) return false;
        try
        {
            var manifest = (await source.FindAsync(reference, cancellation).ConfigureAwait(false))[0];
            var json = await ImageResolver.ReadAsync(source, manifest, cancellation).ConfigureAwait(false);
            var references = ManifestReferences.Read($"the SOCI index {digest}", manifest, json);
            if (manifest.Digest != digest || references.ArtifactType != ArtifactType) throw new LayerImportException($"{digest} is no SOCI index of the second version");
            var table = references.Blobs.FirstOrDefault(blob => blob.Annotations.GetValueOrDefault(LayerAnnotation) == layer.Blob.Digest.ToString());
            if (table is null) return false;
            Import(folder, layer, digest, await ReadAsync(table, layer, source, cancellation).ConfigureAwait(false), cancellation);
            return true;
        }
        catch (Exception e) when (e is LayerImportException or TarException)
        {
            throw new ImageException($"the SOCI table of layer {layer.Blob.Digest} cannot be used: {e.Message}", e);
        }
    }

    internal static void Import(string folder, ImageLayer layer, Digest digest, ReadOnlyMemory<byte> table, CancellationToken cancellation)
    {
        using var index = new LayerIndexWriter(Path.Combine(folder, LayerBuilder.IndexName));
        using var assembler = new SociAssembler(index, layer, new Ztoc(table));
        var info = assembler.Run(cancellation);
        LayerFolder.CreateEmptyData(folder, info.DataSize);
        LayerFolder.Complete(folder, index, PieceState.Absent, digest, info);
    }

    static async ValueTask<byte[]> ReadAsync(Descriptor table, ImageLayer layer, IImageSource source, CancellationToken cancellation)
    {
        if (table.Size > Math.Min(MaxTableSize, layer.Blob.Size + SmallEnough)) throw new LayerImportException($"it has {table.Size} bytes, the layer {layer.Blob.Size}");
        var blob = await source.OpenBlobAsync(table, cancellation).ConfigureAwait(false);
        await using var ends = blob.ConfigureAwait(false);
        if (blob.Size != table.Size) throw new LayerImportException($"{blob.Name} has {blob.Size} bytes, but {table.Size} were announced");
        var bytes = new byte[table.Size];
        await blob.ReadAsync(0, bytes, cancellation).ConfigureAwait(false);
        using var hash = table.Digest.CreateHash();
        hash.AppendData(bytes);
        return table.Digest.Matches(hash, out var actual) ? bytes : throw new LayerImportException($"{blob.Name} has digest {actual}: the copy is damaged");
    }
}
