namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>What all fetches of a keeper may hold in memory at a time, however many layers it has open: how much a fetch needs is what the images'
/// makers say. Who asked first is served first. Thread-safe.</summary>
/// <param name="size">In bytes.</param>
public sealed class FetchMemory(long size = FetchMemory.DefaultSize)
{
    /// <summary>Some sixty fetches of ordinary zstd layers, or four of the most that one may need.</summary>
    public const long DefaultSize = 512 << 20;

    readonly Lock _lock = new();
    readonly LinkedList<Request> _waiting = [];
    readonly long _size = size;
    long _free = size;

    /// <summary>How many fetches wait for memory.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _waiting.Count;
        }
    }

    /// <summary>Takes so much of it, or waits until it is there.</summary>
    /// <param name="bytes">More than all counts as all.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>To be disposed of to give it back.</returns>
    public async ValueTask<IDisposable> TakeAsync(long bytes, CancellationToken cancellation)
    {
        var request = new Request(this, Math.Min(bytes, _size));
        lock (_lock)
        {
            _waiting.AddLast(request);
            Grant();
        }

        try
        {
            await request.Task.WaitAsync(cancellation).ConfigureAwait(false);
            return request;
        }
        catch
        {
            request.Dispose();
            throw;
        }
    }

    /// <summary>Under the lock.</summary>
    void Grant()
    {
        while (_waiting.First is { } first && first.Value.Bytes <= _free)
        {
            _free -= first.Value.Bytes;
            _waiting.RemoveFirst();
            first.Value.SetResult();
        }
    }

    void GiveBack(Request request)
    {
        lock (_lock)
        {
            if (!_waiting.Remove(request)) _free += request.Bytes;
            Grant();
        }
    }

    sealed class Request(FetchMemory owner, long bytes) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), IDisposable
    {
        int _disposed;

        public long Bytes => bytes;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) owner.GiveBack(this);
        }
    }
}
