using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>The caches of the layers that a keeper has in use: one for each layer, however many images have it. Thread-safe.</summary>
sealed class LayerCaches : IAsyncDisposable
{
    readonly StoreDirectory _store;
    readonly ILogger _logger;
    readonly Lock _lock = new();
    readonly Dictionary<LayerCacheKey, LayerCacheEntry> _entries = [];
    readonly ChunkCollector _collector;
    readonly LayerCacheOptions _options;
    readonly Func<PieceStore, FileDescriptor?, UseMap> _addUseMap;
    volatile bool _ended;

    /// <param name="store">Where the layers lie.</param>
    /// <param name="logger">For what goes wrong while they are fetched.</param>
    /// <param name="addUseMap">Makes the use map of one more server; null for <see cref="PieceStore.AddUseMap"/>.</param>
    public LayerCaches(StoreDirectory store, ILogger logger, Func<PieceStore, FileDescriptor?, UseMap>? addUseMap = null)
    {
        _store = store;
        _logger = logger;
        _addUseMap = addUseMap ?? ((pieces, known) => pieces.AddUseMap(known));
        _collector = new ChunkCollector(Stores);
        _options = new LayerCacheOptions { MakeRoom = MakeRoomAsync };
    }

    /// <summary>Nothing comes from here any more.</summary>
    public bool HasEnded => _ended;

    /// <summary>Opens the cache of a layer that is indexed, or joins those who have it open.</summary>
    /// <param name="layer">The layer's blob.</param>
    /// <param name="openBlob">Opens the blob at its source; null for who fetches nothing.</param>
    /// <param name="known">The use map that the image's server has already; null for none.</param>
    /// <exception cref="ImageException">The layer's files are damaged.</exception>
    /// <exception cref="SystemCallException">There is no memory for its use map, or no descriptor.</exception>
    public async ValueTask<LayerLease> AcquireAsync(Digest layer, Func<CancellationToken, ValueTask<IRangeSource>>? openBlob, FileDescriptor? known = null)
    {
        while (true)
        {
            var lease = TryAcquire(layer, openBlob, known, out var closing);
            if (lease is not null) return lease;
            // There is one writer of a layer's files: the next one comes after it.
            await closing!.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Null while the cache's files are being closed.</summary>
    LayerLease? TryAcquire(Digest layer, Func<CancellationToken, ValueTask<IRangeSource>>? openBlob, FileDescriptor? known, out Task? closing)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            var key = new LayerCacheKey(layer, FileOf(layer));
            if (!_entries.TryGetValue(key, out var entry))
                _entries.Add(key, entry = Open(key));
            closing = entry.Closing;
            if (closing is not null) return null;
            UseMap use;
            try
            {
                use = _addUseMap(entry.Cache.Store, known);
            }
            catch
            {
                // Nobody else would ever close what was opened for this.
                if (entry.IsUnused) entry.Closing = Task.Run(() => CloseAsync(entry));
                throw;
            }

            var lease = new LayerLease(this, entry, use, openBlob);
            entry.Add(lease);
            return lease;
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

    /// <summary>Whether somebody has the layer open.</summary>
    public bool IsOpen(Digest layer)
    {
        lock (_lock) return _entries.Keys.Any(key => key.Layer == layer);
    }

    /// <summary>Evicts until the content of all layers takes no more than so many bytes on the disk.</summary>
    public async ValueTask<CollectResult> CollectAsync(long keepBytes, CancellationToken cancellation)
    {
        var leases = await AcquireAllAsync(wait: true).ConfigureAwait(false);
        try
        {
            return await _collector.CollectAsync(keepBytes, cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var lease in leases)
                await lease.DisposeAsync().ConfigureAwait(false);
        }
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
        _collector.Dispose();
    }

    /// <summary>A part in the cache of every layer of the store that is sound.</summary>
    /// <param name="wait">Also of those that are just being closed, which are waited for.</param>
    async ValueTask<List<LayerLease>> AcquireAllAsync(bool wait)
    {
        var leases = new List<LayerLease>();
        try
        {
            foreach (var layer in _store.Layers())
            {
                try
                {
                    if ((wait ? await AcquireAsync(layer, null).ConfigureAwait(false) : TryAcquire(layer, null, null, out _)) is { } lease) leases.Add(lease);
                }
                catch (ImageException)
                {
                    // It is made anew when it is wanted.
                }
            }
        }
        catch
        {
            LetGo(leases);
            throw;
        }

        return leases;
    }

    /// <summary>Without waiting for what ends with them.</summary>
    static void LetGo(List<LayerLease> leases)
    {
        foreach (var lease in leases)
            _ = lease.DisposeAsync().AsTask();
    }

    IReadOnlyCollection<PieceStore> Stores()
    {
        lock (_lock) return [.. _entries.Values.Where(entry => entry.Closing is null).Select(entry => entry.Cache.Store)];
    }

    /// <summary>The disk is full: all that any image has left behind may give way. Waits for no cache that is being closed: that may be the one
    /// whose fetch asks, and its closing waits for the fetch.</summary>
    async ValueTask<bool> MakeRoomAsync(long bytes)
    {
        var leases = await AcquireAllAsync(wait: false).ConfigureAwait(false);
        try
        {
            return await _collector.MakeRoomAsync(bytes).ConfigureAwait(false);
        }
        finally
        {
            LetGo(leases);
        }
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

    (ulong Device, ulong Inode) FileOf(Digest layer) => FileShape.OfPath(_store.LayerPath(layer, LayerFile.Data), out var shape) >= 0
        ? (shape.Device, shape.Inode)
        : throw new ImageException($"layer {layer} is not in the store {_store.Root}");

    LayerCacheEntry Open(LayerCacheKey key)
    {
        var layer = key.Layer;
        var folder = _store.LayerFolder(layer);
        try
        {
            var files = new LayerFiles(_store.LayerPath(layer, LayerFile.Data), _store.LayerPath(layer, LayerFile.State), Path.Combine(folder, LayerBuilder.UsedName), Path.Combine(folder, LayerBuilder.PieceDigestsName));
            var pieces = PieceStore.Open(files, () => _store.OpenLayerIndex(layer), logger: _logger);
            try
            {
                // All at once, and of one folder: an index that was put in its place later may be another image's.
                pieces.OpenMap();
                if (FileOf(layer) != key.File) throw new ImageException($"layer {layer} was indexed anew meanwhile, for another image; open this one again");
            }
            catch
            {
                _ = pieces.DisposeAsync().AsTask();
                throw;
            }

            return new LayerCacheEntry(key, entry => new LayerCache(pieces, entry.OpenBlobAsync, _options, _logger));
        }
        catch (Exception e) when (e is SystemCallException or CacheException)
        {
            throw new ImageException($"layer {layer} cannot be used: {e.Message}; delete {folder}, and it is made again", e);
        }
    }
}
