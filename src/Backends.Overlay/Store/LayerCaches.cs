using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>The caches of the layers that a keeper has in use: one for each layer, however many images have it. Thread-safe.</summary>
sealed class LayerCaches(StoreDirectory store, ILogger logger) : IAsyncDisposable
{
    readonly Lock _lock = new();
    readonly Dictionary<LayerCacheKey, LayerCacheEntry> _entries = [];
    bool _ended;

    /// <summary>Opens the cache of a layer that is indexed, or joins those who have it open.</summary>
    /// <param name="layer">The layer's blob.</param>
    /// <param name="openBlob">Opens the blob at its source; null for who fetches nothing.</param>
    /// <exception cref="ImageException">The layer's files are damaged.</exception>
    public async ValueTask<LayerLease> AcquireAsync(Digest layer, Func<CancellationToken, ValueTask<IRangeSource>>? openBlob)
    {
        while (true)
        {
            Task closing;
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_ended, this);
                var key = new LayerCacheKey(layer, FileOf(layer));
                if (!_entries.TryGetValue(key, out var entry))
                    _entries.Add(key, entry = Open(key));
                if (entry.Closing is null)
                {
                    var lease = new LayerLease(this, entry, openBlob);
                    entry.Add(lease);
                    return lease;
                }

                closing = entry.Closing;
            }

            // There is one writer of a layer's files: the next one comes after it.
            await closing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask ReleaseAsync(LayerLease lease)
    {
        var entry = lease.Entry;
        Task? closing = null;
        lock (_lock)
        {
            entry.Cache.Store.RemoveUseMap(lease.Use);
            if (entry.Remove(lease))
                closing = entry.Closing ??= Task.Run(() => CloseAsync(entry));
        }

        if (closing is not null)
            await closing.ConfigureAwait(false);
        else if (lease.OpenBlob is not null)
            await entry.Cache.ReplaceSourceAsync(entry.OpenBlobAsync).ConfigureAwait(false);
    }

    /// <summary>Closes all, whoever uses them: what is being fetched is given up, and nothing is written to the store any more.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] closing;
        lock (_lock)
        {
            _ended = true;
            closing = [.. _entries.Values.Select(entry => entry.Closing ??= Task.Run(() => CloseAsync(entry)))];
        }

        await Task.WhenAll(closing).ConfigureAwait(false);
    }

    async Task CloseAsync(LayerCacheEntry entry)
    {
        try
        {
            await entry.Cache.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) _entries.Remove(entry.Key);
        }
    }

    (ulong Device, ulong Inode) FileOf(Digest layer) => FileShape.OfPath(store.LayerPath(layer, LayerFile.Data), out var shape) >= 0
        ? (shape.Device, shape.Inode)
        : throw new ImageException($"layer {layer} is not in the store {store.Root}");

    LayerCacheEntry Open(LayerCacheKey key)
    {
        var layer = key.Layer;
        var folder = store.LayerFolder(layer);
        try
        {
            var files = new LayerFiles(store.LayerPath(layer, LayerFile.Data), store.LayerPath(layer, LayerFile.State), Path.Combine(folder, LayerBuilder.UsedName));
            var pieces = PieceStore.Open(files, () => store.OpenLayerIndex(layer), logger: logger);
            return new LayerCacheEntry(key, entry => new LayerCache(pieces, entry.OpenBlobAsync, logger: logger));
        }
        catch (Exception e) when (e is SystemCallException or CacheException)
        {
            throw new ImageException($"layer {layer} cannot be used: {e.Message}; delete {folder}, and it is made again", e);
        }
    }
}
