namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// Lets a queue's thread touch its ring until the connection takes the ring away: afterwards it is never touched again, even
/// by a thread that was stuck in a request meanwhile. What is done inside is short and waits for nothing.
/// </summary>
struct RingGate
{
    const int Open = 0;
    const int Inside = 1;
    const int Closed = 2;

    int _state;

    /// <summary>By the queue's thread. False: the ring is gone.</summary>
    public bool TryEnter() => Interlocked.CompareExchange(ref _state, Inside, Open) == Open;

    public void Leave() => Volatile.Write(ref _state, Open);

    /// <summary>By the queue's thread, where it does not know whether it was inside.</summary>
    public void LeaveIfInside() => Interlocked.CompareExchange(ref _state, Open, Inside);

    /// <summary>By the connection. Returns when the queue's thread is outside, for good.</summary>
    public void Close()
    {
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref _state, Closed, Open) == Inside)
            wait.SpinOnce();
    }
}
