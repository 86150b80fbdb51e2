using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>An image that the keeper of this process has opened.</summary>
/// <param name="image">What was found.</param>
/// <param name="files">What serving it needs.</param>
/// <param name="source">Where it lies; becomes this object's own.</param>
/// <param name="layers">The caches of its layers, in their order; become this object's own.</param>
/// <param name="counters">What the source was asked for.</param>
/// <param name="endpoints">The keeper's hosts.</param>
sealed class LocalImage(
    ResolvedImage image, ImageFiles files, IImageSource source, IReadOnlyList<LayerLease> layers, SourceCounters counters, RemoteEndpoints endpoints) : IKeptImage
{
    public ResolvedImage Image => image;

    public Digest Manifest => image.Manifest.Digest;

    public ImageFiles Files => files;

    public ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) =>
        (uint)layer < (uint)layers.Count ? layers[layer].EnsureAsync(first, count, cancellation) : new(Errno.EINVAL);

    public ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation) =>
        (uint)layer < (uint)layers.Count
            ? layers[layer].Cache.ReadThroughAsync(first, count, offset, length, cancellation)
            : new(new ReadThrough(Errno.EINVAL, null));

    public ValueTask<ImageCounts> CountAsync(CancellationToken cancellation)
    {
        var caches = layers.Select(layer => layer.Cache).Distinct().Select(cache => cache.Store.GetStatistics()).ToArray();
        var traffic = counters.Snapshot();
        return new(new ImageCounts(
            image.Layers.DistinctBy(layer => layer.Blob.Digest).Sum(layer => layer.Blob.Size),
            traffic.Requests,
            traffic.BytesReceived,
            caches.Sum(cache => cache.Pieces),
            caches.Sum(cache => cache.Present),
            caches.Sum(cache => cache.Counts.Misses),
            caches.Sum(cache => cache.Counts.VerifyFailures),
            caches.Sum(cache => cache.Counts.FetchFailures),
            caches.Sum(cache => cache.Counts.PiecesEvicted),
            [.. endpoints.All.Select(Describe)]));
    }

    public async ValueTask DisposeAsync()
    {
        files.Dispose();
        foreach (var layer in layers)
            await layer.DisposeAsync().ConfigureAwait(false);
        await source.DisposeAsync().ConfigureAwait(false);
    }

    static HostCounts Describe(RemoteEndpoint endpoint)
    {
        var counts = endpoint.Counters.Snapshot();
        return new HostCounts(endpoint.Name, counts.Requests, counts.BytesReceived, counts.Retries, counts.Failures, counts.RangesIgnored);
    }
}
