using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>Sees to it that layers are in the store as an image may use them.</summary>
public sealed partial class LocalKeeper
{
    /// <summary>Held by an image that replaces layers, until it has them open: two that want another index of one layer each would take it away from
    /// each other for ever.</summary>
    const string ReplacingLock = "replacing";

    /// <summary>The image of this process that had <see cref="ReplacingLock"/> last.</summary>
    volatile ImageReference? _replacedFor;

    /// <summary>Sees to it that every layer of the image is indexed, the layers in parallel.
    /// A layer that is there costs nothing; one that another process is building is waited for.</summary>
    /// <param name="image">From <see cref="ResolveAsync"/>.</param>
    /// <param name="source">Where it lies.</param>
    /// <param name="policy">Which indexes that others made will do.</param>
    /// <param name="progress">Called from several threads at once.</param>
    /// <param name="cancellation">Leaves no layer half-made.</param>
    /// <exception cref="ImageException">A layer is not sound, or the store cannot take it.</exception>
    public async ValueTask EnsureLayersAsync(
        ResolvedImage image, IImageSource source, RemoteIndexPolicy policy, IProgress<LayerProgress>? progress, CancellationToken cancellation) =>
        (await EnsureAsync(image, source, policy, alone: false, progress, cancellation).ConfigureAwait(false))?.Dispose();

    /// <inheritdoc cref="EnsureLayersAsync"/>
    /// <param name="alone">Nobody else is to replace a layer from now on, and indexes are looked at for damage.</param>
    /// <returns>As long as it is held, what is there stays. Null where no layer was replaced.</returns>
    async ValueTask<StoreLock?> EnsureAsync(
        ResolvedImage image, IImageSource source, RemoteIndexPolicy policy, bool alone, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        // An image may list a layer twice.
        var layers = image.Layers.DistinctBy(layer => layer.Blob.Digest).ToList();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation };
        StoreLock? replacing = null;
        try
        {
            if (!alone) await BuildAsync(replaces: false).ConfigureAwait(false);
            if (alone || layers.Exists(layer => IsUseless(layer, policy)))
            {
                replacing = await LockReplacingAsync(image.Reference, cancellation).ConfigureAwait(false);
                await BuildAsync(replaces: true).ConfigureAwait(false);
            }

            // Each time it is listed the configuration says anew what it decompresses to.
            foreach (var layer in image.Layers) Check(layer, policy, isSettled: replacing is not null);
            return replacing;
        }
        catch
        {
            replacing?.Dispose();
            throw;
        }

        Task BuildAsync(bool replaces) =>
            Parallel.ForEachAsync(layers, options, (layer, stop) => BuildLayerAsync(layer, source, policy, replaces, progress, stop));
    }

    /// <summary>The wait lasts as long as the other image's source takes: whoever wonders finds in the log what is waited for.</summary>
    async ValueTask<StoreLock> LockReplacingAsync(ImageReference image, CancellationToken cancellation)
    {
        var replacing = store.TryLock(ReplacingLock);
        if (replacing is null)
        {
            Log.WaitsForReplacing(_logger, image, $"{store.Root}/locks/{ReplacingLock}", _replacedFor?.ToString() ?? "none");
            replacing = await store.LockAsync(ReplacingLock, cancellation).ConfigureAwait(false);
        }

        _replacedFor = image;
        return replacing;
    }

    async ValueTask BuildLayerAsync(
        ImageLayer layer, IImageSource source, RemoteIndexPolicy policy, bool replaces, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var digest = layer.Blob.Digest;
        var key = $"layer-{digest.Algorithm}-{digest.Hex}";
        var folder = store.LayerFolder(digest);
        if (replaces) await store.ReplaceLayerAsync(key, folder, () => IsUseless(layer, policy) || IsIndexDamaged(digest), BuildAsync, cancellation).ConfigureAwait(false);
        else await store.EnsureAsync(key, folder, BuildAsync, cancellation).ConfigureAwait(false);
        if (replaces || !IsUseless(layer, policy)) progress?.Report(new LayerProgress(digest, layer.Blob.Size, layer.Blob.Size));

        async ValueTask BuildAsync(string aside, CancellationToken stop)
        {
            Directory.CreateDirectory(aside, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (await LayerImporter.TryImportAsync(aside, layer, source, policy, why => Log.IndexRefused(_logger, digest, why), stop).ConfigureAwait(false))
                return;
            // The end is reported only when the layer is in place.
            Action<long>? report = progress is null ? null : done => progress.Report(new LayerProgress(digest, Math.Min(done, layer.Blob.Size - 1), layer.Blob.Size));
            try
            {
                var blob = await source.OpenBlobAsync(layer.Blob, stop).ConfigureAwait(false);
                await using (blob.ConfigureAwait(false))
                    await LayerBuilder.BuildAsync(aside, layer, blob, report, stop).ConfigureAwait(false);
            }
            catch (SourceException e)
            {
                throw new ImageException($"layer {digest} of {source.Name} cannot be read: {e.Message}", e);
            }
        }
    }

    /// <summary>Missing, damaged, or described by somebody whom this image's maker does not vouch for.</summary>
    bool IsUseless(ImageLayer layer, RemoteIndexPolicy policy) => IsUseless(store.ReadLayerDigests(layer.Blob.Digest), layer, policy);

    static bool IsUseless(LayerDigests? stored, ImageLayer layer, RemoteIndexPolicy policy) => stored is null || !LayerImporter.Accepts(stored, layer, policy);

    bool IsIndexDamaged(Digest layer)
    {
        using var stored = store.TryOpenLayer(layer);
        if (stored is not { IsIndexDamaged: true }) return false;
        Log.IndexDamaged(_logger, layer);
        return true;
    }

    /// <summary>A layer that another image brought was verified against what that image says of it, not this one.</summary>
    /// <param name="layer">One of the image's.</param>
    /// <param name="policy">The image's.</param>
    /// <param name="isSettled">Else another image may just have replaced it, which says nothing of this one.</param>
    void Check(ImageLayer layer, RemoteIndexPolicy policy, bool isSettled)
    {
        var stored = store.ReadLayerDigests(layer.Blob.Digest);
        if (!isSettled && IsUseless(stored, layer, policy)) return;
        if (stored is null)
            throw new ImageException($"layer {layer.Blob.Digest} cannot be kept in the store {store.Root}: {store.LayerFolder(layer.Blob.Digest)} is damaged again and again");
        if (stored.DiffId != layer.DiffId)
            throw new ImageException(
                $"layer {layer.Blob.Digest} decompresses to {stored.DiffId}, but the image's configuration says {layer.DiffId}: the layer is not the one that the image was made of");
        if (stored.Size is { } size && size != layer.Blob.Size)
            throw new ImageException($"layer {layer.Blob.Digest} has {size} bytes, but the image's manifest says {layer.Blob.Size}: the layer is not the one that the image was made of");
    }
}
