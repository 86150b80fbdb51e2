using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>What goes into one request. All of this under the gate.</summary>
sealed partial class LayerFetcher
{
    FetchRun? Owner(long piece)
    {
        foreach (var run in _runs)
            if (run.Owns(piece))
                return run;
        foreach (var run in _queue)
            if (run.Owns(piece))
                return run;
        return null;
    }

    /// <summary>Whether a piece comes so late in a run that a request of its own is better. Within a span there is no choice.</summary>
    bool IsTooFar(SpanTable spans, FetchRun run, long piece)
    {
        // A request of its own would wait for the same bytes, and have them sent once more.
        if (_isWholeOnly) return false;
        var span = spans.SpanOf(piece);
        return span > spans.SpanOf(run.Next) && spans[span].InOffset - run.Position > _options.MaxWait;
    }

    /// <summary>A run for a piece that is nobody's: its span, those of the other pieces that are wanted, and as many as are read ahead.</summary>
    /// <param name="spans">The layer's.</param>
    /// <param name="piece">The first piece that is wanted.</param>
    /// <param name="end">The piece after the last one that is wanted.</param>
    /// <param name="window">Up to how many compressed bytes the run goes beyond that.</param>
    /// <param name="priority">Whether someone waits.</param>
    FetchRun Plan(SpanTable spans, long piece, long end, long window, RequestPriority priority)
    {
        var (lowest, limit) = FreeAround(piece);
        var gap = _options.MaxGap;
        if (_isWholeOnly)
        {
            // What lies before comes anyway, and what lies behind costs as much each time it is asked for: all that is nobody's, in one stream.
            for (var i = lowest; i < piece; i++)
            {
                if (_store.StateOf(i) != PieceState.Absent) continue;
                piece = i;
                break;
            }

            (window, gap) = (long.MaxValue, long.MaxValue);
        }

        var span = spans.SpanOf(piece);
        var last = span;
        var start = spans[span].InOffset;
        for (var i = span + 1; i < spans.Count && spans[i].FirstPiece < limit; i++)
        {
            if (spans[i].FirstPiece >= end && spans[i].InEnd - start > window) break;
            if (_store.AnyAbsent(spans[i].FirstPiece, Math.Min(spans[i].FirstPiece + spans[i].PieceCount, limit))) last = i;
            else if (spans[i].InEnd - spans[last].InEnd > gap) break;
        }

        // Decompression begins with the span: what is absent before the piece is filled on the way.
        var first = Math.Max(lowest, spans[span].FirstPiece);
        while (first < piece && _store.StateOf(first) != PieceState.Absent) first++;
        var stop = Math.Min(limit, spans[last].FirstPiece + spans[last].PieceCount);
        while (stop > piece + 1 && _store.StateOf(stop - 1) != PieceState.Absent) stop--;
        return new FetchRun(span, first, stop, start, spans[last].InEnd, priority);
    }

    /// <summary>A run for what is absent and nobody's from a piece on, if there is such a thing within the window.</summary>
    FetchRun? PlanAhead(SpanTable spans, long piece, long window)
    {
        if (piece >= _store.PieceCount) return null;
        var start = spans[spans.SpanOf(piece)].InOffset;
        for (; piece < _store.PieceCount; piece++)
        {
            if (_store.StateOf(piece) != PieceState.Absent) continue;
            if (Owner(piece) is { } owner)
            {
                piece = owner.End - 1;
                continue;
            }

            var ahead = spans[spans.SpanOf(piece)].InOffset - start;
            return ahead >= window ? null : Plan(spans, piece, piece + 1, window - ahead, RequestPriority.Readahead);
        }

        return null;
    }

    /// <summary>The pieces around one that is nobody's which are nobody's either.</summary>
    (long First, long End) FreeAround(long piece)
    {
        long first = 0, end = _store.PieceCount;
        foreach (var run in _runs.Concat(_queue))
        {
            if (run.Next >= run.End) continue;
            if (run.Next > piece) end = Math.Min(end, run.Next);
            else first = Math.Max(first, run.End);
        }

        return (first, end);
    }

    /// <summary>Notes what is read of the layer: what was only read ahead does not count before the reader has come past it.</summary>
    void Ask(SpanTable spans, long first, long last)
    {
        for (int i = spans.SpanOf(first), end = spans.SpanOf(last); i <= end; i++)
        {
            if (_asked![i] || spans[i].PieceCount == 0) continue;
            _asked[i] = true;
            _askedBytes += spans[i].InEnd - spans[i].InOffset;
        }
    }

    /// <summary>Who reads most of a layer reads all of it: what is left comes in one request, or in one for each gap, and nobody waits for the
    /// round trips of the many.</summary>
    void FetchRestIfMostIsWanted()
    {
        if (_rest is null && _askedBytes > _wholeBytes * _options.RestAfter) _rest = Task.Run(() => FetchAllAsync(long.MaxValue, again: true));
    }

    async Task PrefetchAsync()
    {
        try
        {
            var count = Math.Min(_store.Map.Read(map => map.CountPrefetchPieces()), _store.PieceCount);
            if (count < 1) return;
            var spans = Spans();
            await FetchAllAsync(spans[spans.SpanOf(count - 1)].InEnd - spans[spans.SpanOf(0)].InOffset, again: false).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.PlanFailed(_logger, _store.Name, e.Message);
        }
    }

    /// <param name="window">Up to how many compressed bytes from the first piece's span on.</param>
    /// <param name="again">Who reads most of the layer then may begin it once more.</param>
    async Task FetchAllAsync(long window, bool again)
    {
        var outcome = FetchOutcome.Done;
        // Only forward: what came wrong, or was evicted since, is for whoever wants it.
        var next = 0L;
        try
        {
            while (outcome is FetchOutcome.Done or FetchOutcome.Moved && next < _store.PieceCount)
            {
                FetchRun? run;
                lock (_gate)
                {
                    var passed = _spans![_spans.SpanOf(next)].InOffset - _spans[_spans.SpanOf(0)].InOffset;
                    run = _closed || passed >= window ? null : PlanAhead(_spans, next, window - passed);
                    if (run is null) return;
                    Start(run);
                }

                outcome = await run.Ended.ConfigureAwait(false);
                if (outcome == FetchOutcome.Moved) continue;
                lock (_gate) next = Math.Max(next + 1, run.End);
            }
        }
        catch (Exception e)
        {
            Log.PlanFailed(_logger, _store.Name, e.Message);
        }

        // A source that failed may answer later, for the next who misses something. A full disk is left alone, and what was evicted stays so.
        if (again && outcome != FetchOutcome.NoSpace)
            lock (_gate) _rest = null;
    }
}
