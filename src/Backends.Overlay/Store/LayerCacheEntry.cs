using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>The cache of a layer and those who use it. Its members but the cache are guarded by the <see cref="LayerCaches"/> that holds it.</summary>
sealed class LayerCacheEntry
{
    readonly Lock _lock = new();
    readonly List<LayerLease> _leases = [];
    int _turn;

    public LayerCacheEntry(LayerCacheKey key, Func<LayerCacheEntry, LayerCache> open)
    {
        Key = key;
        Cache = open(this);
    }

    public LayerCacheKey Key { get; }

    public LayerCache Cache { get; }

    /// <summary>Ends when the cache's files are closed; null as long as it is in use.</summary>
    public Task? Closing { get; set; }

    public bool IsUnused
    {
        get
        {
            lock (_lock) return _leases.Count == 0;
        }
    }

    public void Add(LayerLease lease)
    {
        lock (_lock) _leases.Add(lease);
    }

    /// <summary>Whether nobody uses the cache any more.</summary>
    public bool Remove(LayerLease lease)
    {
        lock (_lock)
        {
            _leases.Remove(lease);
            return _leases.Count == 0;
        }
    }

    /// <summary>Opens the layer at a source of one of the images that have it, and each time at another one's: where one does not answer, the next
    /// may.</summary>
    /// <exception cref="SourceException">None of them can be opened.</exception>
    public async ValueTask<IRangeSource> OpenBlobAsync(CancellationToken cancellation)
    {
        LayerLease[] leases;
        int turn;
        lock (_lock)
        {
            leases = [.. _leases.Where(lease => lease.OpenBlob is not null)];
            turn = _turn++;
        }

        SourceException? failure = null;
        for (var i = 0; i < leases.Length; i++)
        {
            try
            {
                return await leases[(int)((uint)(turn + i) % leases.Length)].OpenBlob!(cancellation).ConfigureAwait(false);
            }
            catch (SourceException e)
            {
                failure = e;
            }
        }

        throw failure ?? new SourceException($"no image that is open has layer {Key.Layer}: there is nowhere to fetch it from");
    }
}
