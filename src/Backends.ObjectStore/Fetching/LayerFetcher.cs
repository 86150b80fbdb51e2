using System.Collections;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Fetches what is absent of one layer: who asks waits for the run that fills the piece, or has one made. No piece, and so no span, is
/// fetched by two runs at a time. Thread-safe.</summary>
sealed partial class LayerFetcher : IAsyncDisposable
{
    /// <summary>How often one call has something fetched that came wrong.</summary>
    const int MaxTries = 2;

    /// <summary>How often a pin is looked at before it counts as a mapping: a server's other pins last for some system calls.</summary>
    const int MaxPinLooks = 10;

    static readonly TimeSpan s_pinLookTime = TimeSpan.FromMilliseconds(1);

    readonly PieceStore _store;
    readonly SourceSlot _source;
    readonly LayerCacheOptions _options;
    readonly ILogger _logger;
    readonly CancellationTokenSource _stop = new();

    /// <summary>Guards the runs and all that is planned.</summary>
    readonly Lock _gate = new();

    /// <summary>Those that work, and those that wait for their turn.</summary>
    readonly List<FetchRun> _runs = [];

    readonly List<FetchRun> _queue = [];
    readonly List<Task> _working = [];
    readonly RareLine _failureLine;
    readonly RareLine _fullLine;
    SpanTable? _spans;

    /// <summary>Which spans were read since this was made, and how much of the blob they are.</summary>
    BitArray? _asked;

    long _askedBytes;
    long _wholeBytes;
    Task? _rest;
    Task? _prefetch;

    /// <summary>Runs from the end of the last run on, until there is another.</summary>
    readonly ITimer _idle;

    bool _closed;

    /// <summary>The source was seen to send the whole for each range. Another source in its place may not, and is found out by the first fetch.</summary>
    bool _isWholeOnly;

    public LayerFetcher(PieceStore store, Func<CancellationToken, ValueTask<IRangeSource>> openBlob, LayerCacheOptions options, ILogger logger)
    {
        _store = store;
        _source = new SourceSlot(openBlob);
        _options = options;
        _logger = logger;
        (_failureLine, _fullLine) = (new RareLine(options.Clock), new RareLine(options.Clock));
        _idle = options.Clock.CreateTimer(_ => SyncIdle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public ValueTask ReplaceSourceAsync(Func<CancellationToken, ValueTask<IRangeSource>> openBlob) => _source.ReplaceAsync(openBlob);

    /// <summary>Sees to it that pieces are there, or were for a moment.</summary>
    /// <returns>EIO when they cannot be fetched or verified, ENOSPC when they cannot be stored: the disk is full, or others have their place mapped.</returns>
    public async ValueTask<Errno> EnsureAsync(long first, int count, FetchStream? stream, CancellationToken cancellation)
    {
        var arrival = Stopwatch.GetTimestamp();
        var mismatches = 0;
        var counted = false;
        for (long next = first, end = first + count; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            while (next < end && _store.StateOf(next) == PieceState.Present) next++;
            if (next == end) return Errno.None;
            if (!counted) _store.Counters.Missed();
            counted = true;
            if (_store.StateOf(next) == PieceState.Suspect)
            {
                if (!await TryVerifySuspectAsync(next, cancellation).ConfigureAwait(false)) return _store.IsFrozen ? Errno.ENOSPC : Errno.EIO;
                continue;
            }

            FetchWaiter? waiter;
            try
            {
                // Reads the index, once: not on the thread of whoever asks.
                if (Volatile.Read(ref _spans) is null) await Task.Run(Spans, cancellation).WaitAsync(cancellation).ConfigureAwait(false);
                if (!TryJoin(next, end, stream, out waiter)) return Errno.EIO;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Log.PlanFailed(_logger, _store.Name, e.Message);
                return Errno.EIO;
            }

            if (waiter is null) continue;
            switch (await WaitAsync(waiter, cancellation).ConfigureAwait(false))
            {
                case FetchOutcome.Done:
                    next = waiter.Last + 1;
                    break;
                case FetchOutcome.Mismatch:
                    // Once may be an accident on the way.
                    if (++mismatches == MaxTries) return Errno.EIO;
                    _store.Counters.Refetched();
                    break;
                case FetchOutcome.Pinned:
                    // It can be had, and not be kept: as of a full disk.
                    if (_store.IsFrozen || !await AreLetGoAsync(waiter, cancellation).ConfigureAwait(false)) return Errno.ENOSPC;
                    break;
                // What failed before this call came, or was under way then, has not failed within its time.
                case FetchOutcome.NoSpace when waiter.Run.MadeAt >= arrival:
                    return Errno.ENOSPC;
                case FetchOutcome.Failed when waiter.Run.MadeAt >= arrival:
                    return Errno.EIO;
            }
        }
    }

    public void BeginPrefetch()
    {
        lock (_gate)
            if (!_closed) _prefetch ??= Task.Run(PrefetchAsync);
    }

    public async ValueTask DisposeAsync()
    {
        Task[] working;
        lock (_gate)
        {
            _closed = true;
            foreach (var run in _queue) run.Complete(FetchOutcome.Failed);
            _queue.Clear();
        }

        await _idle.DisposeAsync().ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        lock (_gate) working = [.. _working, _rest ?? Task.CompletedTask, _prefetch ?? Task.CompletedTask];
        await Task.WhenAll(working).ConfigureAwait(false);
        await _source.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
        _readThrough.Dispose();
    }

    async ValueTask<bool> TryVerifySuspectAsync(long piece, CancellationToken cancellation)
    {
        try
        {
            await _store.VerifySuspectAsync(piece).WaitAsync(cancellation).ConfigureAwait(false);
            return _store.StateOf(piece) != PieceState.Suspect;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.PlanFailed(_logger, _store.Name, e.Message);
            return false;
        }
    }

    /// <summary>Tells a server that pins what it is about to map, and lets go of it when it finds it evicted, from a guest that has it mapped.</summary>
    async ValueTask<bool> AreLetGoAsync(FetchWaiter waiter, CancellationToken cancellation)
    {
        try
        {
            for (var look = 0; look < MaxPinLooks; look++)
            {
                if (!_store.IsAbsentPinned(waiter.First, waiter.Last - waiter.First + 1)) return true;
                // Nobody tells when a pin is gone.
                await Task.Delay(s_pinLookTime, _options.Clock, cancellation).ConfigureAwait(false);
            }

            Log.Pinned(_logger, _store.Name, waiter.First, waiter.Last);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.PlanFailed(_logger, _store.Name, e.Message);
        }

        return false;
    }

    async ValueTask<FetchOutcome> WaitAsync(FetchWaiter waiter, CancellationToken cancellation)
    {
        try
        {
            return await waiter.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_gate) waiter.Run.Forget(waiter);
            throw;
        }
    }

    /// <summary>Waits in the run that fills a piece, up to the last of the pieces wanted that are its too.</summary>
    /// <param name="piece">It was absent.</param>
    /// <param name="end">The piece after the last one wanted.</param>
    /// <param name="stream">Who wants them.</param>
    /// <param name="waiter">Null when the piece is absent no longer.</param>
    /// <returns>False when this is closed.</returns>
    bool TryJoin(long piece, long end, FetchStream? stream, out FetchWaiter? waiter)
    {
        waiter = null;
        var spans = Spans();
        lock (_gate)
        {
            if (_closed) return false;
            // A run marks a piece first and leaves it then: what is absent here and nobody's is really to be fetched.
            if (_store.StateOf(piece) != PieceState.Absent) return true;
            var sequence = stream?.Find(spans, piece);
            Ask(spans, sequence?.Last ?? piece, end - 1);
            var run = Owner(piece);
            if (run is not null && IsTooFar(spans, run, piece))
            {
                run.Cut(spans[spans.SpanOf(piece)].FirstPiece);
                run = null;
            }

            if (run is null)
            {
                run = Plan(spans, piece, end, sequence?.Grow(_options) ?? 0, RequestPriority.Demand);
                (sequence ?? stream?.Begin())?.Advance(piece, run.End);
                Start(run);
            }
            else if (sequence is not null)
            {
                // The reader has caught up with what is under way: what follows is sent for already now, if this is the last of it.
                var ahead = run.End >= sequence.End ? PlanAhead(spans, run.End, sequence.Grow(_options)) : null;
                sequence.Advance(piece, ahead?.End ?? Math.Max(sequence.End, run.End));
                if (ahead is not null) Start(ahead);
            }
            else
            {
                stream?.Begin().Advance(piece, run.End);
            }

            FetchRestIfMostIsWanted();
            var last = piece;
            while (last + 1 < Math.Min(end, run.End) && _store.StateOf(last + 1) != PieceState.Suspect) last++;
            waiter = run.Wait(piece, last);
            return true;
        }
    }

    SpanTable Spans()
    {
        // Read by two at the same time, it is the same.
        var spans = Volatile.Read(ref _spans);
        if (spans is not null) return spans;
        spans = _store.Map.Read(SpanTable.Read);
        lock (_gate)
        {
            if (_spans is not null) return _spans;
            _asked = new BitArray(spans.Count);
            for (var i = 0; i < spans.Count; i++)
                if (spans[i].PieceCount > 0)
                    _wholeBytes += spans[i].InEnd - spans[i].InOffset;
            Volatile.Write(ref _spans, spans);
            return spans;
        }
    }
}
