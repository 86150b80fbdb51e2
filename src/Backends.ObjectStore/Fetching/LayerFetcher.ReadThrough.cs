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
    public async ValueTask<ReadThrough> ReadThroughAsync(long first, int count, long offset, int length, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, cancellation);
        await _readThrough.WaitAsync(stop.Token).ConfigureAwait(false);
        FileDescriptor? memory = null;
        try
        {
            // Not before its turn has come: who waits holds no descriptor.
            var fd = MemoryMaps.CreateMemoryFile("virtiofs-store-read");
            if (fd < 0) return new ReadThrough(fd.ToErrno(), null);
            memory = new FileDescriptor(fd);
            if (FileSpace.SetLength(fd, length).ToErrno() is var error and not Errno.None) return new ReadThrough(error, null);
            var target = new MemoryTarget(fd, offset, length);
            var spans = Volatile.Read(ref _spans) ?? await Task.Run(Spans, stop.Token).ConfigureAwait(false);
            var (from, to) = (spans.SpanOf(first), spans.SpanOf(first + count - 1));
            _store.Counters.ReadThrough();
            FetchOutcome outcome;
            do
            {
                var run = new FetchRun(from, first, first + count, spans[from].InOffset, spans[to].InEnd, RequestPriority.Demand);
                outcome = await FillAsync(run, target, stop.Token).ConfigureAwait(false);
            }
            while (outcome == FetchOutcome.Moved);
            if (outcome != FetchOutcome.Done || !target.IsRight) return new ReadThrough(Errno.EIO, null);
            var read = new ReadThrough(Errno.None, memory);
            memory = null;
            return read;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _store.Counters.FailedFetch(readahead: false);
            if (e is SourceException or DecompressionException) TellFailure(e);
            else Log.FetchBroke(_logger, _store.Name, e.Message, e);
            return new ReadThrough(Errno.EIO, null);
        }
        finally
        {
            memory?.Dispose();
            _readThrough.Release();
        }
    }
}
