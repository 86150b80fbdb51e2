namespace VirtioFsStore.Core.Fuse;

/// <summary>The requests that wait for something, by their unique number: what INTERRUPT and the end of a session cancel.</summary>
sealed class WaitingRequests
{
    // Only requests that wait come here, so a lock costs the others nothing. Cancelling may end a request on the same thread, which removes it again: the lock is re-entrant.
    readonly Lock _lock = new();
    readonly Dictionary<ulong, List<FuseRequest>> _requests = [];

    public void Add(FuseRequest request)
    {
        lock (_lock)
        {
            // The number is the guest's to choose: it need not be unique.
            if (!_requests.TryGetValue(request.Header.Unique, out var sharing))
                _requests.Add(request.Header.Unique, sharing = []);
            sharing.Add(request);
        }
    }

    public void Remove(FuseRequest request)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(request.Header.Unique, out var sharing))
                return;
            sharing.Remove(request);
            if (sharing.Count == 0)
                _requests.Remove(request.Header.Unique);
        }
    }

    public void Cancel(ulong unique)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(unique, out var sharing))
                return;
            foreach (var request in sharing.ToArray())
                request.Interrupt();
        }
    }

    public void CancelAll()
    {
        lock (_lock)
        {
            foreach (var request in _requests.Values.SelectMany(sharing => sharing).ToArray())
                request.Interrupt();
        }
    }
}
