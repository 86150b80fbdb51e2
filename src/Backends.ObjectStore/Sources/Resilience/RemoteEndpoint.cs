namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>What all sources of one remote host share: the bound on its requests, what is known of its health, and its counters.
/// Safe for concurrent use.</summary>
public sealed class RemoteEndpoint
{
    /// <summary>Hides the round trip on a fast line, and is what browsers and registries' own clients are known to do together.</summary>
    public const int DefaultLimit = 16;

    readonly RemoteEndpointOptions _options;
    bool _isPassedOver;
    bool _ignoresRanges;

    /// <param name="name">The host as the person names it.</param>
    /// <param name="delays">Between tries.</param>
    /// <param name="limit">Requests in flight at most; at least 2.</param>
    /// <param name="options">Null for none.</param>
    public RemoteEndpoint(string name, RetryDelays delays, int limit = DefaultLimit, RemoteEndpointOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 2);
        Name = name;
        Delays = delays;
        _options = options ?? new RemoteEndpointOptions();
        Gate = new RequestGate(name, delays, limit);
    }

    public string Name { get; }

    public SourceCounters Counters { get; } = new();

    /// <summary>It was seen to send the whole of a blob in place of a range: one stream over the whole is cheaper than two ranges of it.</summary>
    public bool IgnoresRanges => Volatile.Read(ref _ignoresRanges);

    internal RetryDelays Delays { get; }

    internal RequestGate Gate { get; }

    internal TimeSpan? FirstContact => _options.FirstContact;

    internal bool WaitsForCredentials => _options.WaitsForCredentials;

    /// <summary>It fails and is tried again: said once, until it does what it should.</summary>
    internal void TellOutage(SourceException failure, TimeSpan left)
    {
        if (_options.Warned is { } warned && Gate.TellOutage()) warned($"{failure.Message}; trying again for {Math.Ceiling(left.TotalSeconds)} s");
    }

    /// <summary>Another is asked in its place: said once, until it is used again.</summary>
    internal void TellPassedOver(string line)
    {
        if (!Interlocked.Exchange(ref _isPassedOver, true)) _options.Warned?.Invoke(line);
    }

    internal void TellUsedAgain(string line)
    {
        if (Volatile.Read(ref _isPassedOver) && Interlocked.Exchange(ref _isPassedOver, false)) _options.Warned?.Invoke(line);
    }

    /// <summary>It has sent the whole for a range.</summary>
    public void NoteIgnoredRange()
    {
        if (!Interlocked.Exchange(ref _ignoresRanges, true)) _options.RangesIgnored?.Invoke(this);
    }

    /// <summary>Does something of one request, again where it fails in a way that may pass, until <paramref name="timeout"/> is over.</summary>
    /// <param name="attempt">One try, ended by its token after a third of the time. It counts no request of its own but those that follow the first.</param>
    /// <param name="counters">Whose requests these are; those of this endpoint, or counters whose total these are.</param>
    /// <param name="timeout">For all tries together.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">The last try's failure.</exception>
    public ValueTask<T> RunAsync<T>(
        Func<CancellationToken, ValueTask<T>> attempt, SourceCounters counters, TimeSpan timeout, CancellationToken cancellation) =>
        RunAsync((_, token) => attempt(token), counters, timeout, cancellation);

    /// <param name="attempt">Is given what to call when something went on, which all time counts from.</param>
    /// <param name="counters">As above.</param>
    /// <param name="timeout">Without anything going on.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <param name="timeOfTry">Of one try, where <paramref name="timeout"/> is to count without the tries; null for a third of that.</param>
    /// <exception cref="SourceException">The last try's failure.</exception>
    public async ValueTask<T> RunAsync<T>(
        Func<Action, CancellationToken, ValueTask<T>> attempt, SourceCounters counters, TimeSpan timeout, CancellationToken cancellation,
        TimeSpan? timeOfTry = null)
    {
        var retrying = new Retrying(this, counters, RequestPriority.Demand, timeout, timeOfTry: timeOfTry);
        while (true)
        {
            using var lease = await retrying.EnterAsync(cancellation).ConfigureAwait(false);
            try
            {
                var result = await retrying.TryAsync(attempt, cancellation).ConfigureAwait(false);
                lease.Succeeded();
                return result;
            }
            catch (SourceException e)
            {
                lease.Failed(e);
                lease.Dispose();
                await retrying.WaitAfterAsync(e, cancellation).ConfigureAwait(false);
            }
        }
    }
}
