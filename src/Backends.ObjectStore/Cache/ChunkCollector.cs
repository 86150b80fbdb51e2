namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>Makes room in the caches of many layers: what was used longest ago goes first, whatever layer it is of. Thread-safe; one collection at
/// a time.</summary>
/// <param name="stores">The caches that are open at the time.</param>
public sealed class ChunkCollector(Func<IReadOnlyCollection<PieceStore>> stores) : IDisposable
{
    const int BatchSize = 512;

    /// <summary>Sizes are estimated, and guests read on meanwhile: the disk is asked after each round whether it was enough.</summary>
    const int MaxRounds = 8;

    /// <summary>Room is made for more than what is missing just now: each time, all pieces are gone through.</summary>
    const int MinShare = 16;

    readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Evicts until the data files take no more than so many bytes on the disk, or only what is pinned is left.</summary>
    /// <exception cref="CacheException">A layer's index is damaged.</exception>
    public async ValueTask<CollectResult> CollectAsync(long keepBytes, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Collect(_ => keepBytes, cancellation), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>For a disk that is full: <see cref="Fetching.LayerCacheOptions.MakeRoom"/>.</summary>
    /// <returns>Whether anything gave way.</returns>
    public async ValueTask<bool> MakeRoomAsync(long bytes)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            var result = await Task.Run(() => Collect(before => Math.Max(before - Math.Max(bytes, before / MinShare), 0), default)).ConfigureAwait(false);
            return result.After < result.Before;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    CollectResult Collect(Func<long, long> keep, CancellationToken cancellation)
    {
        var entered = stores().Where(store => store.TryEnter()).ToArray();
        try
        {
            var before = entered.Sum(store => store.AllocatedBytes);
            var keepBytes = keep(before);
            var result = new CollectResult(before, before, 0, 0);
            if (before <= keepBytes) return result;
            // Of what is lent nothing gives way.
            var movable = entered.Where(store => !store.StaysFrozen).ToArray();
            var lent = entered.Except(movable).Sum(store => store.PieceCount);
            foreach (var store in movable)
                store.DropLeftovers();
            // What is older than this is pinned, all of it.
            var (oldest, passed) = (0u, lent);
            for (var round = 0; round < MaxRounds; round++)
            {
                result = result with { After = entered.Sum(store => store.AllocatedBytes) };
                if (result.After <= keepBytes) break;
                var (pieces, pinned) = EvictOldest(movable, result.After - keepBytes, oldest, out var youngest, cancellation);
                result = result with { Pieces = result.Pieces + pieces, Pinned = passed + pinned };
                if (pieces > 0) continue;
                if (youngest is null) break;
                // Each time, as much is passed as was to go.
                (oldest, passed) = (youngest.Value + 1, passed + pinned);
                round--;
            }

            return result with { After = entered.Sum(store => store.AllocatedBytes) };
        }
        finally
        {
            foreach (var store in entered) store.Leave();
        }
    }

    /// <param name="stores">Of which.</param>
    /// <param name="bytes">How much is to go.</param>
    /// <param name="oldest">The minute of the last use of those that go first.</param>
    /// <param name="youngest">That of the last that was to go; null where there was none.</param>
    /// <param name="cancellation">Ends it.</param>
    static (long Pieces, long Pinned) EvictOldest(PieceStore[] stores, long bytes, uint oldest, out uint? youngest, CancellationToken cancellation)
    {
        // By minutes, so that not every piece has to be remembered: first how much each has, then who is of the oldest of them.
        var sizes = new SortedDictionary<uint, long>();
        foreach (var store in stores)
        {
            store.SweepUse();
            foreach (var (piece, minute) in Present(store, cancellation))
            {
                if (minute < oldest) continue;
                sizes.TryGetValue(minute, out var size);
                sizes[minute] = size + DataPages.Up(piece.Length);
            }
        }

        // Of the last minute all go where pieces take less than is to go: a file system counts blocks of its own as well.
        youngest = null;
        var (missing, left) = (bytes, long.MaxValue);
        foreach (var (minute, size) in sizes)
        {
            youngest = minute;
            if (size >= missing)
            {
                left = missing;
                break;
            }

            missing -= size;
        }

        if (youngest is not { } last) return default;
        long evicted = 0, pinned = 0;
        foreach (var store in stores)
            foreach (var (piece, minute) in Present(store, cancellation))
            {
                if (minute < oldest || minute > last || (minute == last && left <= 0)) continue;
                var outcome = store.Evict(piece.Id, 1);
                evicted += outcome.Pieces;
                pinned += outcome.Pinned;
                if (minute == last) left -= outcome.Bytes;
            }

        return (evicted, pinned);
    }

    static IEnumerable<(Piece Piece, uint Minute)> Present(PieceStore store, CancellationToken cancellation)
    {
        for (var first = 0L; first < store.PieceCount; first += BatchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(BatchSize, store.PieceCount - first);
            if (!store.AnyThere(first, first + count)) continue;
            foreach (var piece in store.Map.Pieces(first, count))
                if (store.StateOf(piece.Id) != PieceState.Absent)
                    yield return (piece, store.Use[piece.Id]);
        }
    }
}
