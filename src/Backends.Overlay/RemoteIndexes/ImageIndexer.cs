using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>Packs the indexes of an image's layers, which are in the store, and puts them beside the image, so that another host starts it without
/// streaming a layer. Any other tool runs the derived image as it runs the original.</summary>
public sealed class ImageIndexer(StoreDirectory store)
{
    public const string TagSuffix = "-indexed";

    /// <summary>Pushes the index blobs, the manifest that keeps them, and at last the derived manifest: whoever finds its tag finds all.</summary>
    /// <param name="image">Its layers are indexed in the store.</param>
    /// <param name="target">Has the image, and takes the rest.</param>
    /// <param name="tag">Of the derived manifest.</param>
    /// <param name="pushed">Called with each index blob that is there.</param>
    /// <param name="cancellation">Ends the work; blobs that are there stay.</param>
    /// <exception cref="ImageException">A layer is not in the store, or its index cannot be packed.</exception>
    /// <exception cref="SourceException">The target cannot be reached, or refuses.</exception>
    public async ValueTask<IndexedImage> PushAsync(
        ResolvedImage image, IImageTarget target, string tag, Action<LayerIndexBlob>? pushed, CancellationToken cancellation)
    {
        var manifest = await ImageResolver.ReadAsync(target, image.Manifest, cancellation).ConfigureAwait(false);
        var indexes = new Dictionary<Digest, LayerIndexBlob>();
        var folder = Directory.CreateTempSubdirectory("virtiofs-store-index");
        try
        {
            foreach (var layer in image.Layers.Select(layer => layer.Blob.Digest).Distinct())
            {
                var path = Path.Combine(folder.FullName, layer.Hex);
                var index = Pack(layer, path, cancellation);
                await PushBlobAsync(target, index.Blob, path, cancellation).ConfigureAwait(false);
                File.Delete(path);
                indexes.Add(layer, index);
                pushed?.Invoke(index);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        var derived = DerivedManifest.Create(manifest, [.. image.Layers.Select(layer => indexes[layer.Blob.Digest].Blob)]);
        var descriptor = Descriptor(image.Manifest.MediaType, derived) with { Platform = image.Manifest.Platform ?? image.Config.Platform };
        var artifact = await IndexArtifact.PushAsync(target, descriptor, indexes.Values.Select(index => index.Blob).DistinctBy(blob => blob.Digest), cancellation).ConfigureAwait(false);
        await target.PushManifestAsync(descriptor, derived, tag, cancellation).ConfigureAwait(false);
        return new IndexedImage(descriptor, tag, artifact, [.. image.Layers.Select(layer => indexes[layer.Blob.Digest])]);
    }

    LayerIndexBlob Pack(Digest layer, string path, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (store.ReadLayerDigests(layer) is not { RemoteIndex: null })
            throw new ImageException($"layer {layer} was indexed anew meanwhile, from somebody else's index, which is not to be pushed as this host's; try again");
        using var index = store.OpenLayerIndex(layer);
        IndexBlobWriter.Write(index, path);
        using var file = File.OpenRead(path);
        var digest = Digest.FromHash("sha256", System.Security.Cryptography.SHA256.HashData(file));
        var annotations = new Dictionary<string, string> { [IndexBlobFormat.LayerAnnotation] = layer.ToString() };
        return new LayerIndexBlob(index.Info, new Descriptor(IndexBlobFormat.MediaType, digest, file.Length, null, annotations));
    }

    static async ValueTask PushBlobAsync(IImageTarget target, Descriptor blob, string path, CancellationToken cancellation)
    {
        if (await target.HasBlobAsync(blob, cancellation).ConfigureAwait(false)) return;
        var file = FileRangeSource.Open(path, new SourceIdentity(blob.Digest, null));
        await using (file.ConfigureAwait(false))
            await target.PushBlobAsync(blob, file, null, cancellation).ConfigureAwait(false);
    }

    static Descriptor Descriptor(string mediaType, byte[] document) =>
        new(mediaType, Digest.Sha256(document), document.Length, null, new Dictionary<string, string>());
}
