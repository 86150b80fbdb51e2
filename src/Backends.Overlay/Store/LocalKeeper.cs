using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Tocs;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>A keeper in this process. Others may work on the same store: what both want is built by one of them.</summary>
/// <param name="store">The store it owns.</param>
/// <param name="openSource">How an image's source is reached; null for what its reference says.</param>
/// <param name="logger">For what goes wrong while images are served.</param>
public sealed class LocalKeeper(StoreDirectory store, Func<ImageRequest, IImageSource>? openSource = null, ILogger? logger = null) : IKeeper
{
    /// <summary>How often a layer may be another image's again before this one's is given up.</summary>
    const int MaxAttempts = 3;

    readonly ILogger _logger = logger ?? NullLogger.Instance;
    readonly LayerCaches _caches = new(store, logger ?? NullLogger.Instance);
    readonly RemoteEndpoints _endpoints = new(rangesIgnored: endpoint => Log.RangesIgnored(logger ?? NullLogger.Instance, endpoint.Name));

    public StoreDirectory Store => store;

    public async ValueTask<IKeptImage> OpenImageAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation) =>
        await OpenAsync(request, progress, cancellation).ConfigureAwait(false);

    /// <inheritdoc cref="OpenImageAsync"/>
    internal async ValueTask<LocalImage> OpenAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var counters = new SourceCounters();
        var source = OpenSource(request, counters);
        var descriptors = new List<FileDescriptor>();
        var layers = new List<LayerLease>();
        try
        {
            var image = await ResolveAsync(source, request, cancellation).ConfigureAwait(false);
            await EnsureLayersAsync(image, source, request.RemoteIndex, progress, cancellation).ConfigureAwait(false);
            var identities = image.Layers.Select(layer => Identify(layer, request.RemoteIndex)).ToArray();
            descriptors.Add(await new Tree.TreeStore(store).OpenAsync(identities, cancellation).ConfigureAwait(false));
            foreach (var layer in image.Layers)
            {
                var lease = await _caches.AcquireAsync(layer.Blob.Digest, stop => source.OpenBlobAsync(layer.Blob, stop)).ConfigureAwait(false);
                layers.Add(lease);
                descriptors.Add(OpenFile(layer.Blob.Digest, LayerFile.Data));
                lease.CheckIsStillOf(descriptors[^1]);
                descriptors.Add(OpenFile(layer.Blob.Digest, LayerFile.State));
                descriptors.Add(new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Duplicate(lease.Use.Descriptor), "dup")));
                if (layer.Blob.Annotations.ContainsKey(EStargz.DigestAnnotation))
                    lease.Cache.BeginPrefetch();
            }

            return new LocalImage(image, new ImageFiles(image.Reference.ToString(), identities, descriptors), source, layers, counters, _endpoints);
        }
        catch
        {
            descriptors.ForEach(descriptor => descriptor.Dispose());
            foreach (var layer in layers)
                await layer.DisposeAsync().ConfigureAwait(false);
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What is in the store now may be another image's doing since it was ensured.</summary>
    LayerIdentity Identify(ImageLayer layer, RemoteIndexPolicy policy) =>
        store.ReadLayerDigests(layer.Blob.Digest) is { } stored && LayerImporter.Accepts(stored, layer, policy)
            ? new LayerIdentity(layer.Blob.Digest, stored.RemoteIndex)
            : throw new ImageException($"layer {layer.Blob.Digest} was indexed anew meanwhile, for an image whose index of it this one does not pin; open this one again");

    public async ValueTask<CollectResult> WorkAsync(CacheWork work, Action<LayerReport> report, CancellationToken cancellation)
    {
        var collected = work.Kind == CacheWorkKind.Collect
            ? await _caches.CollectAsync(work.KeepBytes, cancellation).ConfigureAwait(false)
            : default;
        foreach (var layer in store.Layers())
            report(await ReportAsync(layer, work.Kind == CacheWorkKind.Verify, cancellation).ConfigureAwait(false));
        return collected;
    }

    async ValueTask<LayerReport> ReportAsync(Digest layer, bool verify, CancellationToken cancellation)
    {
        var isOpen = _caches.IsOpen(layer);
        try
        {
            var lease = await _caches.AcquireAsync(layer, null).ConfigureAwait(false);
            await using (lease.ConfigureAwait(false))
            {
                var damaged = verify ? (await lease.Cache.Store.VerifyAsync(null, cancellation).ConfigureAwait(false)).DamagedCount : 0;
                var statistics = lease.Cache.Store.GetStatistics();
                return new LayerReport(
                    layer.ToString(), isOpen, statistics.Pieces, statistics.Present, statistics.Suspect, statistics.DataSize, statistics.AllocatedBytes, damaged, null);
            }
        }
        catch (Exception e) when (e is ImageException or CacheException or SystemCallException)
        {
            return new LayerReport(layer.ToString(), isOpen, 0, 0, 0, 0, 0, 0, e.Message);
        }
    }

    /// <summary>The place that an image lies in; of a remote one, what was asked there before is answered from the store.</summary>
    /// <exception cref="ImageException">The place cannot be, as it is named.</exception>
    public IImageSource OpenSource(ImageRequest request) => OpenSource(request, new SourceCounters());

    IImageSource OpenSource(ImageRequest request, SourceCounters counters)
    {
        var source = new CountedImageSource(openSource?.Invoke(request) ?? ImageSources.Open(request.Reference, request.Remote, _endpoints), counters);
        return request.Reference.IsRemote
            ? new StoredImageSource(source, store, request.Reference.Scheme == ImageScheme.Bucket ? request.Remote.S3.Endpoint ?? "" : "", request.Pull)
            : source;
    }

    /// <summary>Reads and verifies manifest and configuration.</summary>
    /// <param name="source">From <see cref="OpenSource"/>.</param>
    /// <param name="request">The image.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ImageException">The image cannot be found, or is not sound.</exception>
    public static async ValueTask<ResolvedImage> ResolveAsync(IImageSource source, ImageRequest request, CancellationToken cancellation)
    {
        var image = await ImageResolver.ResolveAsync(source, request.Reference, request.Platform, cancellation).ConfigureAwait(false);
        if (source is StoredImageSource stored)
            await stored.RememberAsync(image, cancellation).ConfigureAwait(false);
        return image;
    }

    /// <summary>Sees to it that every layer of the image is indexed, the layers in parallel.
    /// A layer that is there costs nothing; one that another process is building is waited for.</summary>
    /// <param name="image">From <see cref="ResolveAsync"/>.</param>
    /// <param name="source">Where it lies.</param>
    /// <param name="policy">Which indexes that others made will do.</param>
    /// <param name="progress">Called from several threads at once.</param>
    /// <param name="cancellation">Leaves no layer half-made.</param>
    /// <exception cref="ImageException">A layer is not sound, or the store cannot take it.</exception>
    public async ValueTask EnsureLayersAsync(
        ResolvedImage image, IImageSource source, RemoteIndexPolicy policy, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        // An image may list a layer twice.
        var layers = image.Layers.DistinctBy(layer => layer.Blob.Digest);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation };
        await Parallel.ForEachAsync(layers, options, (layer, stop) => EnsureLayerAsync(source, layer, policy, progress, stop)).ConfigureAwait(false);
        // Each time it is listed the configuration says anew what it decompresses to.
        foreach (var layer in image.Layers)
            CheckDiffId(layer);
    }

    /// <summary>Opens a file of a layer that is indexed, read-only: a new open description at each call.</summary>
    /// <exception cref="ImageException">The layer is not in the store.</exception>
    public FileDescriptor OpenFile(Digest layer, LayerFile file)
    {
        var path = store.LayerPath(layer, file);
        var fd = Descriptors.Open(path, OpenFlags.O_RDONLY);
        return fd >= 0
            ? new FileDescriptor(fd)
            : throw new ImageException($"layer {layer} is not in the store: {path}: {fd.ToErrno().Describe()}");
    }

    /// <summary>Ends what is being fetched; images that are open get nothing more from here.</summary>
    public ValueTask DisposeAsync() => _caches.DisposeAsync();

    async ValueTask EnsureLayerAsync(IImageSource source, ImageLayer layer, RemoteIndexPolicy policy, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var digest = layer.Blob.Digest;
        var key = $"layer-{digest.Algorithm}-{digest.Hex}";
        var folder = store.LayerFolder(digest);
        await store.EnsureAsync(key, folder, BuildAsync, cancellation).ConfigureAwait(false);
        for (var attempt = 0; attempt < MaxAttempts && IsUseless(); attempt++)
        {
            // Damaged, or described by somebody whom this image's maker does not vouch for. Whoever has its files open keeps them. Another image's
            // opening may make it anew in between.
            await store.DiscardAsync(key, folder, IsUseless, cancellation).ConfigureAwait(false);
            await store.EnsureAsync(key, folder, BuildAsync, cancellation).ConfigureAwait(false);
        }

        CheckDiffId(layer);
        progress?.Report(new LayerProgress(digest, layer.Blob.Size, layer.Blob.Size));

        bool IsUseless() => store.ReadLayerDigests(digest) is not { } stored || !LayerImporter.Accepts(stored, layer, policy);

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
