using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Reading past the cache, when the disk has no room for what is read.</summary>
sealed partial class LayerFetcher
{
    /// <summary>How many at a time: each holds the memory of its range and the buffers of a fetch.</summary>
    const int MaxReadThroughs = 2;

    readonly SemaphoreSlim _readThrough = new(MaxReadThroughs, MaxReadThroughs);

    /// <summary>Fetches pieces and keeps a range of the data file that they hold in memory.</summary>
    public async ValueTask<Errno> ReadThroughAsync(long first, int count, MemoryTarget target, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, cancellation);
        await _readThrough.WaitAsync(stop.Token).ConfigureAwait(false);
        try
        {
            var spans = Volatile.Read(ref _spans) ?? await Task.Run(Spans, stop.Token).ConfigureAwait(false);
            var (from, to) = (spans.SpanOf(first), spans.SpanOf(first + count - 1));
            _store.Counters.ReadThrough();
            var run = new FetchRun(from, first, first + count, spans[from].InOffset, spans[to].InEnd, RequestPriority.Demand);
            var outcome = await FillAsync(run, target, stop.Token).ConfigureAwait(false);
            return outcome == FetchOutcome.Done && target.IsRight ? Errno.None : Errno.EIO;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _store.Counters.FailedFetch(readahead: false);
            if (e is SourceException or DecompressionException) Log.FetchFailed(_logger, _store.Name, e.Message);
            else Log.FetchBroke(_logger, _store.Name, e.Message, e);
            return Errno.EIO;
        }
        finally
        {
            _readThrough.Release();
        }
    }
}
