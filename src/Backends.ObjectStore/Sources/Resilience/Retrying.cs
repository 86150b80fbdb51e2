using System.Runtime.ExceptionServices;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>The tries of one operation on a remote host: how long each may take, how long to wait between them, and when it is enough. Used by
/// one at a time.</summary>
/// <param name="what">For messages: what is asked for; null where whoever asks says so.</param>
/// <param name="waitsForCredentials">Whether a refusal may pass, too.</param>
/// <param name="timeOfTry">How long one try may take, beside <paramref name="timeout"/>, which then counts without the tries; null for a third of that.</param>
sealed class Retrying(
    RemoteEndpoint endpoint, SourceCounters counters, RequestPriority priority, TimeSpan timeout, string? what = null, bool waitsForCredentials = false,
    TimeSpan? timeOfTry = null)
{
    /// <summary>A try that hangs leaves time for two others.</summary>
    const int TriesThatMayHang = 3;

    /// <summary>More than fit into any sensible time, with the delays between them.</summary>
    const int MaxTries = 100;

    readonly TimeSpan _timeout = timeout;
    readonly TimeProvider _clock = endpoint.Delays.Clock;
    long _progress = endpoint.Delays.Clock.GetTimestamp();
    int _failures;
    int _hung;
    TimeSpan _limit = timeout;

    TimeSpan Left => _limit - _clock.GetElapsedTime(_progress);

    /// <summary>Something came that was wanted: all begins anew.</summary>
    public void Progressed()
    {
        Came();
        (_failures, _hung) = (0, 0);
        _limit = _timeout;
    }

    /// <summary>Something came: the time counts from now on, but not the tries, which would never end where the same comes again and again.</summary>
    public void Came() => _progress = _clock.GetTimestamp();

    /// <summary>A place for the next try. Its wait for others' requests to end does not count.</summary>
    /// <exception cref="SourceException">The host cannot be asked in time.</exception>
    public async ValueTask<RequestLease> EnterAsync(CancellationToken cancellation)
    {
        var before = _clock.GetTimestamp();
        var left = Left;
        RequestLease lease;
        try
        {
            lease = await endpoint.Gate.EnterAsync(priority, left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e)
        {
            counters.Failed(e.Failure);
            throw;
        }

        if (_failures == 0) _progress += _clock.GetTimestamp() - before;
        counters.Requested();
        if (_failures > 0) counters.Retried();
        return lease;
    }

    /// <summary>One try, ended by its token when it takes too long.</summary>
    /// <exception cref="SourceException">It failed, or nothing came in its time.</exception>
    public ValueTask<T> TryAsync<T>(Func<CancellationToken, ValueTask<T>> attempt, CancellationToken cancellation) =>
        TryAsync((_, token) => attempt(token), cancellation);

    /// <param name="attempt">Is given what to call when something went on: its time counts from then.</param>
    /// <param name="cancellation">Ends it.</param>
    public async ValueTask<T> TryAsync<T>(Func<Action, CancellationToken, ValueTask<T>> attempt, CancellationToken cancellation)
    {
        var time = TimeOfTry();
        var begun = _clock.GetTimestamp();
        using var patience = new CancellationTokenSource(time, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            return await attempt(WentOn, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            _hung++;
            throw TookTooLong(time);
        }
        finally
        {
            if (timeOfTry is not null) _progress += _clock.GetTimestamp() - begun;
        }

        void WentOn()
        {
            Progressed();
            begun = _progress;
            time = TimeOfTry();
            patience.CancelAfter(time);
        }
    }

    /// <summary>How long the next try may take.</summary>
    /// <exception cref="SourceException">The time is over.</exception>
    public TimeSpan TimeOfTry()
    {
        var (time, left) = (_timeout / TriesThatMayHang, Left);
        if (left <= TimeSpan.Zero) throw TookTooLong(_limit);
        return timeOfTry ?? (left < time ? left : time);
    }

    /// <summary>To be told how long to wait.</summary>
    public CancellationTokenSource Patience() => new(Timeout.InfiniteTimeSpan, _clock);

    public SourceException TookTooLong(TimeSpan time) => new(
        SourceFailure.Transient, $"{(what is null ? "" : $"cannot read {what}: ")}{endpoint.Name} sent nothing for {time.TotalSeconds:0.#} s");

    /// <summary>Waits until another try is due.</summary>
    /// <exception cref="SourceException">None is: <paramref name="failure"/> does not pass, or the time is over.</exception>
    public async ValueTask WaitAfterAsync(SourceException failure, CancellationToken cancellation)
    {
        counters.Failed(failure.Failure);
        if (!MayPass(failure.Failure)) ExceptionDispatchInfo.Throw(failure);
        _failures++;
        if (failure.IsUnreachable && !endpoint.Gate.HasAnswered && endpoint.FirstContact is { } first && first < _limit) _limit = first;
        var delay = endpoint.Delays.After(_failures);
        // On top of what was asked for, or all would come back in the same moment.
        if (failure.RetryAfter is { } asked) delay += asked;
        if (delay >= Left || _failures >= MaxTries || (timeOfTry is not null && _hung >= TriesThatMayHang))
        {
            var within = timeOfTry is null ? $" in {_limit.TotalSeconds:0.#} s" : "";
            throw new SourceException(
                failure.Failure, $"{failure.Message} ({_failures} {(_failures == 1 ? "try" : "tries")}{within})", failure, failure.RetryAfter)
            { IsUnreachable = failure.IsUnreachable };
        }

        if (failure.IsUnreachable || failure.Failure == SourceFailure.Refused) endpoint.TellOutage(failure, Left);

        await Task.Delay(delay, _clock, cancellation).ConfigureAwait(false);
    }

    bool MayPass(SourceFailure failure) =>
        failure is SourceFailure.Transient or SourceFailure.Busy || (waitsForCredentials && failure == SourceFailure.Refused);
}
