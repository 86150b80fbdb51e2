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
    readonly Dictionary<Digest, LayerCacheEntry> _entries = [];
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
                if (!_entries.TryGetValue(layer, out var entry))
                    _entries.Add(layer, entry = Open(layer));
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
            lock (_lock) _entries.Remove(entry.Layer);
        }
    }

    LayerCacheEntry Open(Digest layer)
    {
        var folder = store.LayerFolder(layer);
        try
        {
            var files = new LayerFiles(store.LayerPath(layer, LayerFile.Data), store.LayerPath(layer, LayerFile.State), Path.Combine(folder, LayerBuilder.UsedName));
            var pieces = PieceStore.Open(files, () => store.OpenLayerIndex(layer), logger: logger);
            return new LayerCacheEntry(layer, entry => new LayerCache(pieces, entry.OpenBlobAsync, logger: logger));
        }
        catch (Exception e) when (e is SystemCallException or CacheException)
        {
            throw new ImageException($"layer {layer} cannot be used: {e.Message}; delete {folder}, and it is made again", e);
        }
    }
}
