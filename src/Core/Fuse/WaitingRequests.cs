namespace VirtioFsStore.Core.Fuse;

/// <summary>The requests that wait for something, by their unique number: what INTERRUPT and the end of a session cancel.</summary>
sealed class WaitingRequests
{
    /// <summary>How many INTERRUPTs are remembered whose request has not come here (yet).</summary>
    const int MaxEarly = 64;

    // Only requests that wait come here, so a lock costs the others nothing. Cancelling may end a request on the same thread, which removes it again: the lock is re-entrant.
    readonly Lock _lock = new();
    readonly HashSet<FuseRequest> _requests = [];
    readonly Queue<ulong> _early = new(MaxEarly);

    public void Add(FuseRequest request)
    {
        lock (_lock)
        {
            _requests.Add(request);
            // Several threads read /dev/fuse: one may have had the INTERRUPT before another came here with its request.
            if (_early.Contains(request.Header.Unique))
                request.Interrupt();
        }
    }

    public void Remove(FuseRequest request)
    {
        lock (_lock)
            _requests.Remove(request);
    }

    public void Cancel(ulong unique)
    {
        lock (_lock)
        {
            var found = false;
            foreach (var request in _requests.Where(request => request.Header.Unique == unique).ToArray())
            {
                found = true;
                InterruptIfWaiting(request);
            }
            if (found)
                return;
            if (_early.Count == MaxEarly)
                _early.Dequeue();
            _early.Enqueue(unique);
        }
    }

    public void CancelAll()
    {
        lock (_lock)
        {
            foreach (var request in _requests.ToArray())
                InterruptIfWaiting(request);
        }
    }

    /// <summary>Interrupting one request may have ended another, whose object carries a new request by now.</summary>
    void InterruptIfWaiting(FuseRequest request)
    {
        if (_requests.Contains(request))
            request.Interrupt();
    }
}
