using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>One request: neighbouring spans, decompressed one after another. It alone fills the pieces from <see cref="Next"/> to
/// <see cref="End"/>; other runs have others. All members but <see cref="Position"/> under the fetcher's lock.</summary>
sealed class FetchRun(int span, long first, long end, long position, long inEnd, RequestPriority priority)
{
    readonly List<FetchWaiter> _waiters = [];
    readonly TaskCompletionSource<FetchOutcome> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    long _position = position;

    /// <summary>Where decompression begins.</summary>
    public int Span => span;

    /// <summary>The compressed offset after the last byte that is asked for.</summary>
    public long InEnd => inEnd;

    /// <summary>The piece that is being filled, or comes next.</summary>
    public long Next { get; private set; } = first;

    /// <summary>The piece after the last. Only ever becomes less, and that only at the beginning of a span.</summary>
    public long End { get; private set; } = end;

    public RequestPriority Priority { get; private set; } = priority;

    /// <summary>When it was made, in ticks of <see cref="System.Diagnostics.Stopwatch"/>: its failure counts for those who came before.</summary>
    public long MadeAt { get; } = System.Diagnostics.Stopwatch.GetTimestamp();

    /// <summary>The compressed offset up to which it is decompressed.</summary>
    public long Position
    {
        get => Volatile.Read(ref _position);
        set => Volatile.Write(ref _position, value);
    }

    /// <summary>How it ended; its pieces may have been given to other runs before that.</summary>
    public Task<FetchOutcome> Ended => _ended.Task;

    public bool HasWaiters => _waiters.Count > 0;

    public bool Owns(long piece) => piece >= Next && piece < End;

    public FetchWaiter Wait(long first, long last)
    {
        var waiter = new FetchWaiter(this, first, last);
        _waiters.Add(waiter);
        // What readahead began is now waited for.
        Priority = RequestPriority.Demand;
        return waiter;
    }

    public void Forget(FetchWaiter waiter) => _waiters.Remove(waiter);

    /// <summary>A piece is there, or is not what it should be; those whose wait this ends are released.</summary>
    public void Handled(long piece, FetchOutcome outcome)
    {
        Next = piece + 1;
        for (var i = _waiters.Count - 1; i >= 0; i--)
        {
            var waiter = _waiters[i];
            var concerned = outcome != FetchOutcome.Done && piece >= waiter.First && piece <= waiter.Last;
            if (!concerned && waiter.Last > piece) continue;
            _waiters.RemoveAt(i);
            waiter.SetResult(concerned ? outcome : FetchOutcome.Done);
        }
    }

    /// <summary>Gives up the pieces from one on.</summary>
    public void Cut(long end)
    {
        End = Math.Min(End, end);
        for (var i = _waiters.Count - 1; i >= 0; i--)
        {
            if (_waiters[i].Last < End) continue;
            _waiters[i].SetResult(FetchOutcome.Moved);
            _waiters.RemoveAt(i);
        }
    }

    /// <summary>Of the pieces from <see cref="Next"/> up to one nothing can be had, and those from there on are given up.</summary>
    /// <returns>Whether someone waits for those alone.</returns>
    public bool Drop(long end)
    {
        var moved = _waiters.RemoveAll(waiter => waiter.First >= end && waiter.TrySetResult(FetchOutcome.Moved)) > 0;
        Next = End;
        foreach (var waiter in _waiters) waiter.SetResult(FetchOutcome.Mismatch);
        _waiters.Clear();
        return moved;
    }

    /// <summary>It has ended: whoever still waits has waited in vain.</summary>
    public void Complete(FetchOutcome outcome)
    {
        Next = End;
        foreach (var waiter in _waiters) waiter.SetResult(outcome);
        _waiters.Clear();
        _ended.SetResult(outcome);
    }
}
