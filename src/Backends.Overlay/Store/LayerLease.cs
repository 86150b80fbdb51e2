using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>One image's part in the cache of one of its layers.</summary>
/// <param name="owner">Gets it back.</param>
/// <param name="entry">The cache, and who else uses it.</param>
/// <param name="openBlob">Opens the layer where this image lies; null for who fetches nothing.</param>
sealed class LayerLease(LayerCaches owner, LayerCacheEntry entry, Func<CancellationToken, ValueTask<IRangeSource>>? openBlob) : IAsyncDisposable
{
    readonly FetchStream _stream = new();

    public LayerCache Cache => entry.Cache;

    /// <summary>What the image's server notes of its use.</summary>
    public UseMap Use { get; } = entry.Cache.Store.AddUseMap();

    public LayerCacheEntry Entry => entry;

    public Func<CancellationToken, ValueTask<IRangeSource>>? OpenBlob => openBlob;

    public ValueTask<Errno> EnsureAsync(long first, int count, CancellationToken cancellation) =>
        entry.Cache.EnsureAsync(first, count, _stream, cancellation);

    public ValueTask DisposeAsync() => owner.ReleaseAsync(this);
}
