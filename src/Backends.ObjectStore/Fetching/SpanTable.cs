using VirtioFsStore.Backends.ObjectStore.Cache;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Where all spans of a layer lie: some 48 bytes each, so that a plan needs no look into the index.</summary>
sealed class SpanTable
{
    readonly SpanExtent[] _spans;

    SpanTable(SpanExtent[] spans) => _spans = spans;

    public int Count => _spans.Length;

    public ref readonly SpanExtent this[int span] => ref _spans[span];

    /// <exception cref="CacheException">The index is damaged.</exception>
    public static SpanTable Read(IPieceMap map)
    {
        SpanExtent[] spans = [.. map.ReadExtents()];
        if (spans.Length != map.SpanCount) throw Damaged($"it has {spans.Length} spans and not {map.SpanCount}");
        var end = default(SpanExtent);
        for (var i = 0; i < spans.Length; i++)
        {
            var span = spans[i];
            if (span.InOffset < end.InOffset || span.InEnd < span.InOffset || span.InEnd < end.InEnd || span.InEnd > map.BlobSize
                || span.OutOffset != end.OutEnd || span.OutEnd < span.OutOffset
                || span.FirstPiece != end.FirstPiece + end.PieceCount || span.PieceCount < 0 || span.PieceCount > map.PieceCount - span.FirstPiece)
                throw Damaged($"span {i} is impossible");
            end = span;
        }

        if (end.FirstPiece + end.PieceCount != map.PieceCount) throw Damaged($"its spans give {end.FirstPiece + end.PieceCount} pieces of {map.PieceCount}");
        return new SpanTable(spans);
    }

    /// <summary>The span that gives a piece.</summary>
    public int SpanOf(long piece)
    {
        int low = 0, high = _spans.Length - 1;
        while (low < high)
        {
            // The last one that begins no later: spans without pieces come before the one whose first piece they name.
            var middle = (low + high + 1) / 2;
            if (_spans[middle].FirstPiece <= piece) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    /// <summary>The most compressed bytes of one span that has a digest, among those from one on that end before an offset; 0 where none has.</summary>
    public long LargestVerified(int first, long inEnd)
    {
        var largest = 0L;
        for (var i = first; i < _spans.Length && _spans[i].InEnd <= inEnd; i++)
            if (!_spans[i].Sha256.IsEmpty)
                largest = Math.Max(largest, _spans[i].InEnd - _spans[i].InOffset);
        return largest;
    }

    static CacheException Damaged(string why) => new($"the layer's index is damaged: {why}; delete the layer's folder from the store, and it is made again");
}
