using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>What the fetches of a keeper may hold in memory beyond what is usual for a fetch: that is up to the images' makers. A fetch that holds no
/// more than the usual takes nothing of it. Of those that wait, who is waited for comes first, then who asked first. Thread-safe.</summary>
/// <param name="size">In bytes.</param>
public sealed class FetchMemory(long size = FetchMemory.DefaultSize)
{
    /// <summary>Enough for four layers' fetches of the largest window.</summary>
    public const long DefaultSize = 512 << 20;

    /// <summary>A source that hangs keeps what its layer's fetches have: no layer has more than a quarter.</summary>
    const int LeastLayers = 4;

    readonly Lock _lock = new();
    readonly LinkedList<Request> _waiting = [];
    readonly Dictionary<object, long> _held = [];
    readonly long _share = size / LeastLayers;
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
    /// <param name="layer">Whose fetch it is: all that is taken for one object counts together.</param>
    /// <param name="bytes">More than a layer may have counts as that.</param>
    /// <param name="priority">Asked anew each time something is given back: somebody may wait by then for what was only read ahead.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>To be disposed of to give it back.</returns>
    public async ValueTask<IDisposable> TakeAsync(object layer, long bytes, Func<RequestPriority> priority, CancellationToken cancellation)
    {
        var request = new Request(this, layer, Math.Min(bytes, _share), priority);
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
        while (Next() is { } next && next.Bytes <= _free)
        {
            _free -= next.Bytes;
            _held[next.Layer] = Held(next.Layer) + next.Bytes;
            _waiting.Remove(next);
            next.SetResult();
        }
    }

    /// <summary>Whose turn it is: nobody behind it is served before it, however little they need.</summary>
    Request? Next()
    {
        Request? ahead = null;
        foreach (var request in _waiting)
        {
            if (Held(request.Layer) + request.Bytes > _share) continue;
            if (request.Priority == RequestPriority.Demand) return request;
            ahead ??= request;
        }

        return ahead;
    }

    long Held(object layer) => _held.GetValueOrDefault(layer);

    void GiveBack(Request request)
    {
        lock (_lock)
        {
            if (!_waiting.Remove(request))
            {
                _free += request.Bytes;
                var left = Held(request.Layer) - request.Bytes;
                if (left > 0) _held[request.Layer] = left;
                else _held.Remove(request.Layer);
            }

            Grant();
        }
    }

    sealed class Request(FetchMemory owner, object layer, long bytes, Func<RequestPriority> priority)
        : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), IDisposable
    {
        int _disposed;

        public object Layer => layer;

        public long Bytes => bytes;

        public RequestPriority Priority => priority();

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) owner.GiveBack(this);
        }
    }
}
