namespace VirtioFsStore.Core.Virtqueues;

/// <summary>Requests that were finished by other threads, for their queue's thread to take. Lock-free, without allocation.</summary>
sealed class CompletionList
{
    QueuedRequest? _newest;

    public bool IsEmpty => Volatile.Read(ref _newest) is null;

    public void Add(QueuedRequest request)
    {
        var newest = Volatile.Read(ref _newest);
        while (true)
        {
            request.Next = newest;
            var seen = Interlocked.CompareExchange(ref _newest, request, newest);
            if (ReferenceEquals(seen, newest))
                return;
            newest = seen;
        }
    }

    /// <summary>All of them, linked by <see cref="QueuedRequest.Next"/> in the order in which they were finished.</summary>
    public QueuedRequest? TakeAll()
    {
        if (IsEmpty)
            return null;
        var newest = Interlocked.Exchange(ref _newest, null);
        QueuedRequest? oldest = null;
        while (newest is not null)
        {
            var next = newest.Next;
            newest.Next = oldest;
            oldest = newest;
            newest = next;
        }
        return oldest;
    }
}
