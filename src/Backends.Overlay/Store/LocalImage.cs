using VirtioFsStore.Backends.ObjectStore.Cache;
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

    /// <exception cref="ObjectDisposedException">The keeper has ended: another one can fetch it.</exception>
    public async ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation)
    {
        if ((uint)layer >= (uint)layers.Count) return Errno.EINVAL;
        var error = await layers[layer].EnsureAsync(first, count, cancellation).ConfigureAwait(false);
        if (error != Errno.None) ThrowIfEnded();
        return error;
    }

    /// <exception cref="ObjectDisposedException">The keeper has ended: another one can fetch it.</exception>
    public async ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation)
    {
        if ((uint)layer >= (uint)layers.Count) return new ReadThrough(Errno.EINVAL, null);
        var read = await layers[layer].Cache.ReadThroughAsync(first, count, offset, length, cancellation).ConfigureAwait(false);
        if (read.Error != Errno.None) ThrowIfEnded();
        return read;
    }

    /// <exception cref="ObjectDisposedException">The keeper has ended: another one can lend it.</exception>
    public async ValueTask<LentData> LendAsync(int layer, CancellationToken cancellation)
    {
        if ((uint)layer >= (uint)layers.Count) return new LentData(Errno.EINVAL, null);
        // All or none: what is lent does not give way to anything.
        var lent = layers.All(each => each.Cache.Store.IsWhole()) ? await layers[layer].LendAsync().ConfigureAwait(false) : new LentData(Errno.ENODATA, null);
        if (lent.Error == Errno.None) return lent;
        ThrowIfEnded();
        foreach (var each in layers)
            await each.TakeBackAsync().ConfigureAwait(false);
        return lent;
    }

    /// <exception cref="ObjectDisposedException">The keeper has ended: another one can tell.</exception>
    public ValueTask<ImageCounts> CountAsync(CancellationToken cancellation)
    {
        ThrowIfEnded();
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
            [.. endpoints.All.Select(Describe).Where(host => host.Requests > 0)]));
    }

    public async ValueTask DisposeAsync()
    {
        files.Dispose();
        // Each may wait for a VMM that is about to end.
        await Task.WhenAll(layers.Select(layer => layer.DisposeAsync().AsTask())).ConfigureAwait(false);
        await source.DisposeAsync().ConfigureAwait(false);
    }

    void ThrowIfEnded() => ObjectDisposedException.ThrowIf(layers.Any(layer => layer.HasEnded), this);

    static HostCounts Describe(RemoteEndpoint endpoint)
    {
        var counts = endpoint.Counters.Snapshot();
        return new HostCounts(endpoint.Name, counts.Requests, counts.BytesReceived, counts.Retries, counts.Failures, counts.RangesIgnored);
    }
}
