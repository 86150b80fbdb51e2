namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>One run of misses, each behind the one before.</summary>
sealed class FetchSequence
{
    /// <summary>How many spans the next miss may lie behind what was fetched: between them may be one that was there already.</summary>
    const int MaxSkip = 2;

    long _last;
    long _end;
    long _window;
    int _steps;

    /// <summary>The last piece that was missed.</summary>
    public long Last => _last;

    /// <summary>The piece after the last one that is fetched for this sequence.</summary>
    public long End => _end;

    /// <summary>Whether a miss is the next of this sequence: in a later span than the last, and no further than just behind what is fetched.
    /// Two misses of one span say nothing of what comes next.</summary>
    public bool GoesOnWith(SpanTable spans, long piece, int span) =>
        piece > _last && span > spans.SpanOf(_last) && span <= spans.SpanOf(_end - 1) + MaxSkip;

    /// <summary>How much is to be read ahead now, in compressed bytes: twice as much as the time before. Nothing when the sequence goes on for the
    /// first time: a guest that starts reads small files here and there, and one lies behind another often enough.</summary>
    public long Grow(LayerCacheOptions options) =>
        _window = _steps++ == 0 ? 0 : _window == 0 ? options.FirstWindow : Math.Min(_window * 2, options.MaxWindow);

    /// <param name="last">The piece that was missed.</param>
    /// <param name="end">The piece after the last one that is fetched because of it.</param>
    public void Advance(long last, long end) => (_last, _end) = (last, end);
}
