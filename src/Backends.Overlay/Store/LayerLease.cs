using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>One image's part in the cache of one of its layers.</summary>
/// <param name="owner">Gets it back.</param>
/// <param name="entry">The cache, and who else uses it.</param>
/// <param name="use">What the image's server notes of its use; the cache's own.</param>
/// <param name="openBlob">Opens the layer where this image lies; null for who fetches nothing.</param>
sealed class LayerLease(LayerCaches owner, LayerCacheEntry entry, UseMap use, Func<CancellationToken, ValueTask<IRangeSource>>? openBlob) : IAsyncDisposable
{
    readonly FetchStream _stream = new();
    readonly Lock _lending = new();
    int _lent;
    bool _isOver;

    public LayerCache Cache => entry.Cache;

    /// <summary>What the image's server notes of its use.</summary>
    public UseMap Use => use;

    public LayerCacheEntry Entry => entry;

    /// <summary>The keeper has ended, and with it what this was a part of.</summary>
    public bool HasEnded => owner.HasEnded;

    public Func<CancellationToken, ValueTask<IRangeSource>>? OpenBlob => openBlob;

    /// <summary>The layer may have been made anew between two looks at its folder.</summary>
    /// <exception cref="ImageException">The file is another than this cache writes.</exception>
    public void CheckIsStillOf(FileDescriptor data)
    {
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(data.Value, out var shape), "statx");
        if ((shape.Device, shape.Inode) != entry.Key.File)
            throw new ImageException($"layer {entry.Key.Layer} was indexed anew meanwhile, for another image; open this one again");
    }

    public ValueTask<Errno> EnsureAsync(long first, int count, CancellationToken cancellation) =>
        entry.Cache.EnsureAsync(first, count, _stream, cancellation);

    /// <summary>See <see cref="PieceStore.LendAsync"/>; taken back when this ends.</summary>
    public async ValueTask<LentData> LendAsync()
    {
        var data = await Cache.Store.LendAsync().ConfigureAwait(false);
        if (data.File is null) return data;
        lock (_lending)
        {
            if (!_isOver)
            {
                _lent++;
                return data;
            }
        }

        data.File.Dispose();
        Cache.Store.TakeBack();
        return new LentData(Errno.EIO, null);
    }

    /// <summary>What was lent is closed, or about to be.</summary>
    public Task TakeBackAsync()
    {
        int lent;
        lock (_lending) (lent, _lent) = (_lent, 0);
        // Under the gate of the store, which others may hold for as long as a disk needs.
        return lent == 0 ? Task.CompletedTask : Task.Run(() =>
        {
            for (; lent > 0; lent--) Cache.Store.TakeBack();
        });
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lending) _isOver = true;
        await TakeBackAsync().ConfigureAwait(false);
        await owner.ReleaseAsync(this).ConfigureAwait(false);
    }
}
