namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>A piece map for many threads, opened when it is first needed: a cache that has everything never needs it. What it gives is checked
/// against the files once more, since what it says decides where bytes are written.</summary>
sealed class GuardedPieceMap(Func<IPieceMap> open, long pieceCount, long dataSize) : IDisposable
{
    readonly Lock _lock = new();
    IPieceMap? _map;

    /// <summary>Reads something of the map; no other thread uses it meanwhile.</summary>
    public T Read<T>(Func<IPieceMap, T> read)
    {
        lock (_lock) return read(Map);
    }

    /// <summary>Some pieces in order, which neither overlap nor leave the file.</summary>
    /// <exception cref="CacheException">The map does not have them, or is damaged.</exception>
    public Piece[] Pieces(long first, long count)
    {
        Piece[] pieces;
        lock (_lock) pieces = [.. Map.ReadPieces(first, count)];
        if (pieces.Length != count) throw Damaged($"it has {pieces.Length} pieces from {first} on, and not {count}");
        for (var i = 0; i < pieces.Length; i++)
        {
            ref readonly var piece = ref pieces[i];
            var dataEnd = i == 0 ? 0 : pieces[i - 1].DataOffset + pieces[i - 1].Length;
            var streamEnd = i == 0 ? 0 : pieces[i - 1].StreamOffset + pieces[i - 1].Length;
            if (piece.Id != first + i || piece.Length < 1 || piece.DataOffset < dataEnd || piece.Length > dataSize - piece.DataOffset
                || piece.StreamOffset < streamEnd || piece.Sha256.Length is not (0 or 32))
                throw Damaged($"piece {first + i} is impossible");
        }

        return pieces;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _map?.Dispose();
            _map = null;
        }
    }

    IPieceMap Map
    {
        get
        {
            if (_map is not null) return _map;
            var map = open();
            if (map.PieceCount == pieceCount && map.DataSize == dataSize) return _map = map;
            map.Dispose();
            throw Damaged($"it has {map.PieceCount} pieces in {map.DataSize} bytes, and the files are for {pieceCount} in {dataSize}");
        }
    }

    static CacheException Damaged(string why) => new($"the layer's index does not fit its files: {why}; delete the layer's folder from the store, and it is made again");
}
