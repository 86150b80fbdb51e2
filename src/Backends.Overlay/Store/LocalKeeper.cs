using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>A keeper in this process. Others may work on the same store: what both want is built by one of them.</summary>
/// <param name="store">The store it owns.</param>
/// <param name="openSource">How a reference's source is reached; null for what the reference says.</param>
public sealed class LocalKeeper(StoreDirectory store, Func<ImageReference, IImageSource>? openSource = null) : IKeeper
{
    readonly Func<ImageReference, IImageSource> _openSource = openSource ?? (reference => new LayoutImageSource(reference.Path));

    public StoreDirectory Store => store;

    public ValueTask<ResolvedImage> ResolveAsync(ImageReference reference, Platform platform, CancellationToken cancellation) =>
        ImageResolver.ResolveAsync(_openSource(reference), reference, platform, cancellation);

    public async ValueTask EnsureLayersAsync(ResolvedImage image, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var source = _openSource(image.Reference);
        // An image may list a layer twice.
        var layers = image.Layers.DistinctBy(layer => layer.Blob.Digest);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation };
        await Parallel.ForEachAsync(layers, options, (layer, stop) => EnsureLayerAsync(source, layer, progress, stop)).ConfigureAwait(false);
        // Each time it is listed the configuration says anew what it decompresses to.
        foreach (var layer in image.Layers)
            CheckDiffId(layer);
    }

    public ValueTask<FileDescriptor> OpenAsync(Digest layer, LayerFile file, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var path = store.LayerPath(layer, file);
        var fd = Descriptors.Open(path, OpenFlags.O_RDONLY);
        return fd >= 0
            ? new(new FileDescriptor(fd))
            : throw new ImageException($"layer {layer} is not in the store: {path}: {fd.ToErrno().Describe()}");
    }

    public ValueTask<FileDescriptor> OpenTreeAsync(ResolvedImage image, CancellationToken cancellation) =>
        new Tree.TreeStore(store).OpenAsync(image, cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    async ValueTask EnsureLayerAsync(IImageSource source, ImageLayer layer, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var digest = layer.Blob.Digest;
        var key = $"layer-{digest.Algorithm}-{digest.Hex}";
        var folder = store.LayerFolder(digest);
        await store.EnsureAsync(key, folder, BuildAsync, cancellation).ConfigureAwait(false);
        if (store.ReadLayerDigests(digest) is null)
        {
            await store.DiscardAsync(key, folder, () => store.ReadLayerDigests(digest) is null, cancellation).ConfigureAwait(false);
            await store.EnsureAsync(key, folder, BuildAsync, cancellation).ConfigureAwait(false);
        }

        CheckDiffId(layer);
        progress?.Report(new LayerProgress(digest, layer.Blob.Size, layer.Blob.Size));

        async ValueTask BuildAsync(string aside, CancellationToken stop)
        {
            Directory.CreateDirectory(aside, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            // The end is reported only when the layer is in place.
            Action<long>? report = progress is null ? null : done => progress.Report(new LayerProgress(digest, Math.Min(done, layer.Blob.Size - 1), layer.Blob.Size));
            try
            {
                var blob = await source.OpenBlobAsync(digest, stop).ConfigureAwait(false);
                await using (blob.ConfigureAwait(false))
                    await LayerBuilder.BuildAsync(aside, layer, blob, report, stop).ConfigureAwait(false);
            }
            catch (SourceException e)
            {
                throw new ImageException($"layer {digest} of {source.Name} cannot be read: {e.Message}", e);
            }
        }
    }

    /// <summary>A layer that another image brought was verified against that image's configuration, not this one's.</summary>
    void CheckDiffId(ImageLayer layer)
    {
        var stored = store.ReadLayerDigests(layer.Blob.Digest)
            ?? throw new ImageException($"layer {layer.Blob.Digest} cannot be kept in the store {store.Root}: {store.LayerFolder(layer.Blob.Digest)} is damaged again and again");
        if (stored.DiffId != layer.DiffId)
            throw new ImageException(
                $"layer {layer.Blob.Digest} decompresses to {stored.DiffId}, but the image's configuration says {layer.DiffId}: the layer is not the one that the image was made of");
    }
}
