namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>Bounds the requests in flight to one host, lets demand go before readahead, and holds them back where the host asks for it
/// (Retry-After) or is down: then one request at a time finds out whether it is back, however many wait. Safe for concurrent use.</summary>
/// <param name="name">The host, for messages.</param>
/// <param name="delays">Between attempts to reach a host that is down.</param>
/// <param name="limit">Requests in flight at most; at least 2.</param>
sealed class RequestGate(string name, RetryDelays delays, int limit)
{
    /// <summary>One lost connection is no outage; all of a pool's connections lost at once are told apart from one by the next answer.</summary>
    const int FailuresOfAnOutage = 5;

    /// <summary>A host that asks for more than this is asked again all the same: it may have meant another request, or nothing good.</summary>
    static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    readonly Lock _lock = new();
    readonly LinkedList<TaskCompletionSource<RequestLease>> _demand = new();
    readonly LinkedList<TaskCompletionSource<RequestLease>> _readahead = new();

    /// <summary>A quarter of the places is kept for those who wait.</summary>
    readonly int _readaheadLimit = Math.Max(1, limit - Math.Max(1, limit / 4));

    int _inFlight;
    int _failures;
    bool _probing;
    bool _resuming;
    bool _isPauseAskedFor;
    bool _isOutageTold;
    bool _hasAnswered;
    long _notBefore = long.MinValue;
    long _lastProgress = delays.Clock.GetTimestamp();
    SourceException? _lastFailure;

    /// <summary>Whether it ever said anything, be it a refusal.</summary>
    public bool HasAnswered
    {
        get
        {
            lock (_lock) return _hasAnswered;
        }
    }

    /// <summary>True for the first who asks since the last request went well: of an outage there is one word.</summary>
    public bool TellOutage()
    {
        lock (_lock)
        {
            var isFirst = !_isOutageTold;
            _isOutageTold = true;
            return isFirst;
        }
    }

    /// <param name="priority">Whose turn comes first.</param>
    /// <param name="timeout">How long to wait while nothing comes from the host. A full but working line is waited for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SourceException">The host is down, or asked to be left alone for longer.</exception>
    public async ValueTask<RequestLease> EnterAsync(RequestPriority priority, TimeSpan timeout, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var begun = delays.Clock.GetTimestamp();
        var queue = priority == RequestPriority.Demand ? _demand : _readahead;
        var waiter = new TaskCompletionSource<RequestLease>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (Pause() is var pause && pause > timeout)
            {
                throw _isPauseAskedFor
                    ? new SourceException(SourceFailure.Busy, $"{name} asked to be left alone for another {Math.Ceiling(pause.TotalSeconds)} s{Because()}", _lastFailure, pause)
                    : Down($"{name} does not answer as it should");
            }

            queue.AddLast(waiter);
            Admit();
        }

        while (true)
        {
            var left = timeout - delays.Clock.GetElapsedTime(Math.Max(begun, Interlocked.Read(ref _lastProgress)));
            try
            {
                if (left > TimeSpan.Zero || waiter.Task.IsCompleted)
                    return await waiter.Task.WaitAsync(left > TimeSpan.Zero ? left : Timeout.InfiniteTimeSpan, delays.Clock, cancellation).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                continue;
            }
            catch (OperationCanceledException)
            {
                if (Withdraw(queue, waiter) is { } lease) lease.Dispose();
                throw;
            }

            if (Withdraw(queue, waiter) is { } late) return late;
            lock (_lock) throw Down($"{name} could not be asked for {timeout.TotalSeconds:0.#} s");
        }
    }

    public void Note(RequestLease lease, SourceException? failure)
    {
        lock (_lock)
        {
            EndProbe(lease);
            _hasAnswered |= failure is not { Failure: SourceFailure.Transient };
            if (failure is null) _isOutageTold = false;
            switch (failure?.Failure)
            {
                case SourceFailure.Transient:
                    _lastFailure = failure;
                    _failures++;
                    if (_failures >= FailuresOfAnOutage) HoldBack(delays.After(_failures - FailuresOfAnOutage + 1), isAskedFor: false);
                    break;
                case SourceFailure.Busy:
                    _lastFailure = failure;
                    HoldBack(failure.RetryAfter ?? delays.After(1), isAskedFor: failure.RetryAfter is not null);
                    break;
                default:
                    // Whatever else it says, it answers.
                    _failures = 0;
                    _lastFailure = null;
                    Progressed();
                    break;
            }

            Admit();
        }
    }

    public void Progressed() => Interlocked.Exchange(ref _lastProgress, delays.Clock.GetTimestamp());

    public void Leave(RequestLease lease)
    {
        lock (_lock)
        {
            EndProbe(lease);
            _inFlight--;
            Admit();
        }
    }

    /// <summary>Null where it was still waiting; else what it was given meanwhile.</summary>
    RequestLease? Withdraw(LinkedList<TaskCompletionSource<RequestLease>> queue, TaskCompletionSource<RequestLease> waiter)
    {
        lock (_lock)
            return queue.Remove(waiter) ? null : waiter.Task.GetAwaiter().GetResult();
    }

    void EndProbe(RequestLease lease)
    {
        if (!lease.IsProbe) return;
        lease.IsProbe = false;
        _probing = false;
    }

    void Admit()
    {
        while (_demand.Count + _readahead.Count > 0)
        {
            var queue = _demand.Count > 0 ? _demand : _readahead;
            if (_inFlight >= (queue == _demand ? limit : _readaheadLimit)) return;
            var down = _failures >= FailuresOfAnOutage;
            if (down && _probing) return;
            if (Pause() is var pause && pause > TimeSpan.Zero)
            {
                if (!_resuming) _ = ResumeAsync(pause);
                return;
            }

            var waiter = queue.First!.Value;
            queue.RemoveFirst();
            _inFlight++;
            _probing |= down;
            waiter.SetResult(new RequestLease(this, down));
        }
    }

    async Task ResumeAsync(TimeSpan pause)
    {
        _resuming = true;
        await Task.Delay(pause, delays.Clock).ConfigureAwait(false);
        lock (_lock)
        {
            _resuming = false;
            Admit();
        }
    }

    void HoldBack(TimeSpan pause, bool isAskedFor)
    {
        var until = delays.Clock.GetTimestamp() + (long)((pause < s_longestPause ? pause : s_longestPause).TotalSeconds * delays.Clock.TimestampFrequency);
        if (until > _notBefore) (_notBefore, _isPauseAskedFor) = (until, isAskedFor);
    }

    TimeSpan Pause()
    {
        var now = delays.Clock.GetTimestamp();
        // Whole milliseconds, upwards: timers count in them, and one that fires early would be set again and again.
        return _notBefore <= now ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(delays.Clock.GetElapsedTime(now, _notBefore).TotalMilliseconds));
    }

    /// <summary>One that could not be reached has said all that there is to say. Under the lock.</summary>
    SourceException Down(string what) => _lastFailure is { IsUnreachable: true } last
        ? new SourceException(SourceFailure.Transient, last.Message, last) { IsUnreachable = true }
        : new SourceException(SourceFailure.Transient, what + Because(), _lastFailure);

    string Because() => _lastFailure is null ? "" : ": " + _lastFailure.Message;
}
