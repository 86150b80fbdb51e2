using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>The cache of one layer on its keeper's side: what it has (<see cref="Store"/>), and the way to what it has not. Thread-safe.</summary>
public sealed class LayerCache : IAsyncDisposable
{
    /// <summary>The longest range that is read through: more than a request of a guest has.</summary>
    public const int MaxReadThrough = 2 << 20;

    readonly LayerFetcher _fetcher;

    /// <param name="store">What is there; becomes this object's own.</param>
    /// <param name="openBlob">Opens the layer's blob: called when something is fetched first, and again after the source has failed for good.
    /// What it gives is disposed of here. Its reads fail within a time of its own; nothing here bounds them but the end of this object.</param>
    /// <param name="options">How much is fetched at a time.</param>
    /// <param name="logger">For what went wrong.</param>
    public LayerCache(
        PieceStore store, Func<CancellationToken, ValueTask<IRangeSource>> openBlob, LayerCacheOptions? options = null, ILogger? logger = null)
    {
        Store = store;
        _fetcher = new LayerFetcher(store, openBlob, options ?? new LayerCacheOptions(), logger ?? NullLogger.Instance);
    }

    public PieceStore Store { get; }

    /// <summary>Sees to it that pieces are there. When it answers <see cref="Errno.None"/> they are present, or were for a moment: they may be
    /// evicted at any time, so the caller looks at their words again.</summary>
    /// <param name="first">Number of the first piece.</param>
    /// <param name="count">At least 1.</param>
    /// <param name="stream">Who reads, for what is read ahead; null to fetch what is asked for alone.</param>
    /// <param name="cancellation">Ends the wait, and never a fetch: others may wait for the same.</param>
    /// <returns>EINVAL for pieces that the layer has not; EIO when the source failed within its time, or twice gave what is not the layer's, which
    /// the next call tries again; ENOSPC when the disk is full and nothing gave way, or guests have mapped what would be written.</returns>
    public async ValueTask<Errno> EnsureAsync(long first, int count, FetchStream? stream, CancellationToken cancellation)
    {
        if (first < 0 || count < 1 || first > Store.PieceCount - count) return Errno.EINVAL;
        if (!Store.TryEnter()) return Errno.EIO;
        try
        {
            return await _fetcher.EnsureAsync(first, count, stream, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Store.Leave();
        }
    }

    /// <summary>Begins to fetch what whoever made the layer put at its beginning for that, if that is absent; nobody waits for it. Nothing, from the
    /// second time on.</summary>
    public void BeginPrefetch() => _fetcher.BeginPrefetch();

    /// <summary>For pieces whose <see cref="EnsureAsync"/> was ENOSPC: a range of the data file in memory, out of the pieces that hold it, verified
    /// as ever. Nothing is kept, so that each such read costs a fetch from the span's beginning.</summary>
    /// <param name="first">Number of the first piece that the range touches.</param>
    /// <param name="count">How many it touches, at least 1.</param>
    /// <param name="offset">Of the range in the data file.</param>
    /// <param name="length">At most <see cref="MaxReadThrough"/> bytes.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>EINVAL for a range or pieces that the layer has not; EIO when they cannot be fetched; ENOMEM and the like for want of memory.</returns>
    public async ValueTask<ReadThrough> ReadThroughAsync(long first, int count, long offset, int length, CancellationToken cancellation)
    {
        if (first < 0 || count < 1 || first > Store.PieceCount - count || length is < 1 or > MaxReadThrough || offset < 0 || offset > Store.DataSize - length)
            return new ReadThrough(Errno.EINVAL, null);
        if (!Store.TryEnter()) return new ReadThrough(Errno.EIO, null);
        try
        {
            return await _fetcher.ReadThroughAsync(first, count, offset, length, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Store.Leave();
        }
    }

    /// <summary>From the next fetch on, another source of the same blob: one that answers, other credentials.</summary>
    public ValueTask ReplaceSourceAsync(Func<CancellationToken, ValueTask<IRangeSource>> openBlob) => _fetcher.ReplaceSourceAsync(openBlob);

    /// <summary>Ends what is being fetched, and syncs and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _fetcher.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            await Store.DisposeAsync().ConfigureAwait(false);
        }
    }
}
