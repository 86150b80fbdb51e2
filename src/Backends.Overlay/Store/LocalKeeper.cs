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
public sealed partial class LocalKeeper(StoreDirectory store, Func<ImageRequest, IImageSource>? openSource = null, ILogger? logger = null) : IKeeper
{
    /// <summary>Of opening an image: before the last one damaged indexes are made anew, and during it no other image replaces a layer.</summary>
    const int MaxAttempts = 2;

    readonly ILogger _logger = logger ?? NullLogger.Instance;
    readonly LayerCaches _caches = new(store, logger ?? NullLogger.Instance);
    readonly RemoteEndpoints _endpoints = new(options: new RemoteEndpointOptions
    {
        RangesIgnored = endpoint => Log.RangesIgnored(logger ?? NullLogger.Instance, endpoint.Name),
        Warned = line => Log.Remote(logger ?? NullLogger.Instance, line),
        WaitsForCredentials = true,
    });

    public StoreDirectory Store => store;

    public async ValueTask<IKeptImage> OpenImageAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation) =>
        await OpenAsync(request, progress, cancellation).ConfigureAwait(false);

    /// <inheritdoc cref="OpenImageAsync"/>
    internal async ValueTask<LocalImage> OpenAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var counters = new SourceCounters();
        var source = OpenSource(request, counters);
        try
        {
            var image = await ResolveAsync(source, request, cancellation).ConfigureAwait(false);
            for (var attempt = 1; ; attempt++)
            {
                using var replacing = await EnsureAsync(image, source, request.RemoteIndex, alone: attempt > 1, progress, cancellation).ConfigureAwait(false);
                var stored = new List<StoredLayer>();
                try
                {
                    foreach (var layer in image.Layers) stored.Add(OpenLayer(layer, request.RemoteIndex));
                    return await OpenAsync(image, stored, request.UseMaps, source, counters, cancellation).ConfigureAwait(false);
                }
                catch (ImageException) when (attempt < MaxAttempts && (stored.Count < image.Layers.Count || stored.Exists(layer => !layer.IsInPlace || layer.IsIndexDamaged)))
                {
                    // Another image's opening has replaced a layer meanwhile: next time it has to wait. Or an index is damaged, which is only looked for when
                    // something is wrong: it is made anew.
                }
                finally
                {
                    stored.ForEach(layer => layer.Dispose());
                }
            }
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    async ValueTask<LocalImage> OpenAsync(
        ResolvedImage image, List<StoredLayer> stored, IReadOnlyList<FileDescriptor> useMaps, IImageSource source, SourceCounters counters, CancellationToken cancellation)
    {
        var descriptors = new List<FileDescriptor>();
        var leases = new List<LayerLease>();
        try
        {
            descriptors.Add(await new Tree.TreeStore(store).OpenAsync(stored, cancellation).ConfigureAwait(false));
            foreach (var (layer, files) in image.Layers.Zip(stored))
            {
                var known = useMaps.Count == stored.Count ? useMaps[leases.Count] : null;
                var lease = await _caches.AcquireAsync(layer.Blob.Digest, stop => source.OpenBlobAsync(layer.Blob, stop), known).ConfigureAwait(false);
                leases.Add(lease);
                descriptors.Add(files.OpenFile(LayerFile.Data));
                lease.CheckIsStillOf(descriptors[^1]);
                descriptors.Add(files.OpenFile(LayerFile.State));
                descriptors.Add(new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Duplicate(lease.Use.Descriptor), "dup")));
                if (layer.Blob.Annotations.ContainsKey(EStargz.DigestAnnotation))
                    lease.Cache.BeginPrefetch();
            }

            return new LocalImage(image, new ImageFiles(image.Reference.ToString(), [.. stored.Select(layer => layer.Identity)], descriptors), source, leases, counters, _endpoints);
        }
        catch
        {
            descriptors.ForEach(descriptor => descriptor.Dispose());
            foreach (var lease in leases)
                await lease.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What is in the store now may be another image's doing since it was ensured.</summary>
    StoredLayer OpenLayer(ImageLayer layer, RemoteIndexPolicy policy)
    {
        var stored = store.TryOpenLayer(layer.Blob.Digest);
        if (stored is not null && LayerImporter.Accepts(stored.Digests, layer, policy)) return stored;
        stored?.Dispose();
        throw new ImageException($"layer {layer.Blob.Digest} was indexed anew meanwhile, for an image whose index of it this one does not pin; open this one again");
    }

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

    /// <summary>Ends what is being fetched; images that are open get nothing more from here.</summary>
    public ValueTask DisposeAsync() => _caches.DisposeAsync();
}
