using System.Buffers;
using System.Numerics;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>How runs come to work and what they do.</summary>
sealed partial class LayerFetcher
{
    const int InputSize = 128 << 10;
    const int OutputSize = 256 << 10;

    /// <summary>A response that is nearly read is read to its end, so that its connection can be used again.</summary>
    const int WorthDraining = 64 << 10;

    /// <summary>How often room is made for one run before it gives up: others fill the disk as well.</summary>
    const int MaxRoomMade = 16;

    /// <summary>At least what is asked for when the disk is full, so that it is not asked for each piece.</summary>
    const long RoomStep = 8 << 20;

    /// <summary>8 MiB: what zstd itself never goes beyond without being told to, and what RFC 8878 asks of every decoder.</summary>
    const int UsualWindowLog = 23;

    /// <summary>What a fetch may hold without asking: how many there are of a layer is bounded by <see cref="LayerCacheOptions.MaxFetches"/>.</summary>
    const long UsualMemory = InputSize + OutputSize + (1L << UsualWindowLog);

    /// <summary>Frames of this layer were seen that need a larger window than <see cref="UsualWindowLog"/>.</summary>
    volatile bool _hasLargeWindows;

    /// <summary>Under the gate.</summary>
    void Start(FetchRun run)
    {
        _queue.Add(run);
        Dispatch();
    }

    /// <summary>Lets runs begin as far as there is room, demand first. Under the gate.</summary>
    void Dispatch()
    {
        while (!_closed && _runs.Count < _options.MaxFetches)
        {
            var next = _queue.Find(run => run.Priority == RequestPriority.Demand);
            if (next is null && _runs.Count(run => run.Priority != RequestPriority.Demand) < _options.MaxReadaheads) next = _queue.FirstOrDefault();
            if (next is null) return;
            _queue.Remove(next);
            _runs.Add(next);
            _idle.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _working.RemoveAll(task => task.IsCompleted);
            _working.Add(Task.Run(() => RunAsync(next)));
        }
    }

    async Task RunAsync(FetchRun run)
    {
        FetchOutcome outcome;
        try
        {
            outcome = await FillAsync(run, _store, _stop.Token).ConfigureAwait(false);
        }
        catch (DecompressionException e)
        {
            _store.Counters.FailedVerification();
            Log.Damaged(_logger, _store.Name, e.Message);
            lock (_gate) EndDamaged(run);
            outcome = FetchOutcome.Mismatch;
        }
        catch (Exception e)
        {
            outcome = FetchOutcome.Failed;
            bool waited;
            lock (_gate) waited = run.HasWaiters;
            if (!_stop.IsCancellationRequested)
            {
                _store.Counters.FailedFetch(readahead: !waited);
                if (e is not SourceException) Log.FetchBroke(_logger, _store.Name, e.Message, e);
                else if (waited) TellFailure(e);
                else Log.ReadaheadFailed(_logger, _store.Name, e.Message);
            }
        }

        lock (_gate)
        {
            run.Complete(outcome);
            _runs.Remove(run);
            Dispatch();
            if (_runs.Count == 0 && !_closed) _idle.Change(_options.IdleTime, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>What is damaged ends with its span. Who waits for what lies behind it is led to a run of that alone: otherwise they might wait for
    /// the one in which the damaged span is fetched again. Under the gate.</summary>
    void EndDamaged(FetchRun run)
    {
        var spans = _spans!;
        var span = spans[spans.SpanOf(run.Next)];
        // A source that sends the whole comes through the damage each time.
        var end = _isWholeOnly ? run.End : Math.Min(span.FirstPiece + span.PieceCount, run.End);
        var areOthersWaiting = run.Drop(end);
        if (areOthersWaiting && PlanAhead(spans, end, run.InEnd - spans[spans.SpanOf(end)].InOffset) is { } rest) Start(rest);
    }

    void SyncIdle()
    {
        lock (_gate)
        {
            // One may have begun when the time was over already.
            if (_closed || _runs.Count > 0) return;
            _working.Add(Task.Run(() => _store.SyncAsync().AsTask()));
        }
    }

    async Task<FetchOutcome> FillAsync(FetchRun run, IPieceTarget target, CancellationToken cancellation)
    {
        var (seek, compression, size) = _store.Map.Read(map => (map.ReadSpans(run.Span, 1).First(), map.Compression, map.BlobSize));
        var spans = Volatile.Read(ref _spans)!;
        var windowLog = _hasLargeWindows ? ZstdDecoder.MaxWindowLog : UsualWindowLog;
        var beyond = MemoryOf(compression, windowLog, spans.LargestVerified(run.Span, run.InEnd)) - UsualMemory;
        using var memory = beyond > 0 ? await _options.Memory.TakeAsync(this, beyond, () => run.Priority, cancellation).ConfigureAwait(false) : null;
        var shared = await _source.AcquireAsync(size, _stop.Token).ConfigureAwait(false);
        var broken = false;
        try
        {
            using var decoder = new RunDecoder(spans, seek, compression, windowLog);
            if (decoder.InOffset < 0 || decoder.InOffset >= run.InEnd)
                throw new DecompressionException($"a span from compressed byte {seek.Start.InOffset} to {run.InEnd} is impossible");
            _store.Counters.Requested();
            var source = await shared.Opened.ConfigureAwait(false);
            var range = await source.OpenAsync(decoder.InOffset, run.InEnd - decoder.InOffset, run.Priority, cancellation).ConfigureAwait(false);
            lock (_gate) _isWholeOnly = source.IgnoresRanges;
            var hasDigest = !seek.Sha256.IsEmpty;
            if (hasDigest) range = new SpanVerifier(range, spans, run.Span, run.InEnd);
            await using (range.ConfigureAwait(false))
                return await FillAsync(run, target, range, decoder, hasDigest, cancellation).ConfigureAwait(false);
        }
        catch (DecompressionException e) when (e.NeedsLargerWindow && windowLog < ZstdDecoder.MaxWindowLog)
        {
            // It is tried again, with the memory that it needs.
            _hasLargeWindows = true;
            return FetchOutcome.Moved;
        }
        catch (Exception) when (!cancellation.IsCancellationRequested && _source.IsReplaced(shared))
        {
            // The image that it was of may have been closed meanwhile. Another one has the layer as well, or nobody waits.
            return FetchOutcome.Moved;
        }
        catch (SourceException e)
        {
            // What does not pass by itself may pass with another address, other credentials: the source is opened anew.
            broken = e.Failure is not (SourceFailure.Transient or SourceFailure.Busy);
            throw;
        }
        finally
        {
            await _source.ReleaseAsync(shared, broken).ConfigureAwait(false);
        }
    }

    /// <summary>What a run holds: its buffers, a window, and a span that is verified, whose buffer is a power of two.</summary>
    static long MemoryOf(Compression compression, int windowLog, long verified) =>
        InputSize + OutputSize + (compression == Compression.Zstd ? 1L << windowLog : 0) + (verified > 0 ? (long)BitOperations.RoundUpToPowerOf2((ulong)verified + 1) : 0);

    async Task<FetchOutcome> FillAsync(FetchRun run, IPieceTarget target, Stream range, RunDecoder decoder, bool isVerified, CancellationToken cancellation)
    {
        using var filler = new PieceFiller(_store, target, run, isVerified, _gate);
        var input = ArrayPool<byte>.Shared.Rent(InputSize);
        var output = ArrayPool<byte>.Shared.Rent(OutputSize);
        var left = run.InEnd - decoder.InOffset;
        var roomMade = 0;
        try
        {
            while (!filler.IsDone)
            {
                var length = await range.ReadAsync(input.AsMemory(0, InputSize), cancellation).ConfigureAwait(false);
                left -= length;
                _store.Counters.Fetched(length);
                for (var position = 0; !filler.IsDone;)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var offset = decoder.OutOffset;
                    decoder.Decode(input.AsSpan(position, length - position), output.AsSpan(0, OutputSize), out var taken, out var given);
                    if (taken == 0 && given == 0) break;
                    position += taken;
                    run.Position = decoder.InOffset;
                    for (var fed = 0; fed < given;)
                    {
                        fed += filler.Feed(offset + fed, output.AsSpan(fed, given - fed), out var error);
                        if (error == Errno.None) continue;
                        if (error is not (Errno.ENOSPC or Errno.EDQUOT)) throw new SystemCallException(error, filler.IsOpen ? "pwrite" : "fsync", _store.Name);
                        if (roomMade++ == MaxRoomMade || !await MakeRoomAsync(run).ConfigureAwait(false)) return NoSpace(run);
                    }
                }

                if (length == 0 && !filler.IsDone) throw new DecompressionException($"it gives no more than {decoder.OutOffset} bytes, and the layer's index has files beyond");
            }

            for (int length; left is > 0 and <= WorthDraining; left -= length)
            {
                length = await range.ReadAsync(input.AsMemory(0, InputSize), cancellation).ConfigureAwait(false);
                if (length == 0) break;
                _store.Counters.Fetched(length);
            }

            if (filler.Mismatches > 0) Log.Mismatches(_logger, _store.Name, filler.Mismatches);
            return FetchOutcome.Done;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    FetchOutcome NoSpace(FetchRun run)
    {
        bool waited;
        lock (_gate) waited = run.HasWaiters;
        if (waited && _fullLine.IsDue()) Log.DiskFull(_logger, _store.Name);
        return FetchOutcome.NoSpace;
    }

    void TellFailure(Exception failure)
    {
        if (_failureLine.IsDue()) Log.FetchFailed(_logger, _store.Name, failure.Message);
    }

    /// <summary>Room is made for what someone waits for; what is only read ahead drives nothing out.</summary>
    async ValueTask<bool> MakeRoomAsync(FetchRun run)
    {
        bool waited;
        lock (_gate) waited = run.HasWaiters;
        return waited && _options.MakeRoom is { } make && await make(RoomStep).ConfigureAwait(false);
    }
}
