using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    /// <summary>Pieces that are read from the map at a time: some hundred bytes each.</summary>
    const int BatchSize = 512;

    /// <summary>Drops pieces that are there and not pinned, and gives their pages back to the disk. Whoever reads one meanwhile sees its word
    /// change, and reads again.</summary>
    /// <param name="first">The first piece.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="CacheException">The layer's index is damaged.</exception>
    public EvictResult Evict(long first, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, PieceCount - count);
        var result = default(EvictResult);
        if (!TryEnter()) return result;
        try
        {
            for (var end = first + count; first < end; first += BatchSize)
            {
                var until = Math.Min(first + BatchSize, end);
                if (!AnyThere(first, until)) continue;
                var from = Math.Max(first - 1, 0);
                var pieces = _map.Pieces(from, Math.Min(until + 1, PieceCount) - from);
                for (var i = (int)(first - from); i < until - from; i++)
                {
                    var outcome = Drop(pieces[i], Neighbours.In(pieces, i), null);
                    result = new(result.Pieces + outcome.Pieces, result.Bytes + outcome.Bytes, result.Pinned + outcome.Pinned);
                }
            }

            return result;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Gives back what absent pieces hold on the disk: bytes of fetches that a crash ended before they were verified.</summary>
    /// <exception cref="CacheException">The layer's index is damaged.</exception>
    internal void DropLeftovers()
    {
        var data = 0L;
        for (var first = 0L; first < PieceCount; first += BatchSize)
        {
            var from = Math.Max(first - 1, 0);
            var pieces = _map.Pieces(from, Math.Min(first + BatchSize + 1, PieceCount) - from);
            for (var i = (int)(first - from); i < pieces.Length && pieces[i].Id < first + BatchSize; i++)
            {
                var end = DataPages.Up(pieces[i].DataOffset + pieces[i].Length);
                if (data < pieces[i].DataOffset)
                {
                    data = FileSpace.Seek(_files.DataDescriptor, DataPages.Down(pieces[i].DataOffset), FileSpace.SEEK_DATA);
                    // ENXIO: nothing but a hole follows.
                    if (data < 0) return;
                }

                if (data < end) DropLeftover(pieces[i], Neighbours.In(pieces, i));
            }
        }
    }

    void DropLeftover(in Piece piece, in Neighbours neighbours)
    {
        lock (_gate)
        {
            if (!IsGone(piece.Id) || !TryThaw() || !TryLock(piece, out var touched)) return;
            var pages = PagesOf(piece, neighbours);
            if (pages.Length > 0 && MakeDirty() == Errno.None) _ = _files.Punch(pages.Offset, pages.Length);
            Unlock(touched);
        }
    }

    /// <summary>Drops one piece under the gate, so that nobody begins to fill it while its pages go.</summary>
    /// <param name="piece">Which.</param>
    /// <param name="neighbours">The pieces that may share its pages.</param>
    /// <param name="damaged">Null to evict; else the word under which its bytes were found wrong: such a piece is no longer present even where it
    /// is pinned, and only its pages stay, to be written over when the guest lets go of them.</param>
    EvictResult Drop(in Piece piece, in Neighbours neighbours, ulong? damaged)
    {
        lock (_gate)
        {
            if (StateOf(piece.Id) == PieceState.Absent || _filling.ContainsKey(piece.Id)) return default;
            if (damaged is { } word && _files.Word(piece.Id) != word) return default;
            ByteRangeLock touched = default;
            var pinned = !TryThaw() || !TryLock(piece, out touched);
            if (pinned && damaged is null) return new(0, 0, 1);
            var unsynced = MakeDirty() != Errno.None;
            if (unsynced && damaged is null)
            {
                Unlock(touched);
                return default;
            }

            // The word first: a server that saw the hole sees another word.
            SetState(piece.Id, PieceState.Absent);
            var pages = pinned || unsynced ? default : PagesOf(piece, neighbours);
            if (pages.Length > 0 && _files.Punch(pages.Offset, pages.Length) != Errno.None) pages = default;
            if (!pinned) Unlock(touched);
            if (damaged is null) Counters.Evicted(pages.Length);
            return new(1, pages.Length, pinned ? 1 : 0);
        }
    }

    /// <summary>Locks every page that a piece touches, as pins do: a page that a guest has mapped may hold the ends of two pieces. False where
    /// one of them is pinned.</summary>
    bool TryLock(in Piece piece, out ByteRangeLock touched)
    {
        touched = LockOf(piece);
        return FileLocks.SetRange(_files.DataDescriptor, touched) == 0;
    }

    /// <summary>Whether something of some pieces is absent, and pinned all the same.</summary>
    /// <exception cref="CacheException">The layer's index is damaged.</exception>
    internal bool IsAbsentPinned(long first, long count)
    {
        foreach (var piece in _map.Pieces(first, count))
            if (StateOf(piece.Id) == PieceState.Absent && (_files.IsFrozen || IsPinned(piece)))
                return true;
        return false;
    }

    /// <summary>What <see cref="TryLock"/> would find.</summary>
    bool IsPinned(in Piece piece)
    {
        var touched = LockOf(piece);
        return FileLocks.GetRange(_files.DataDescriptor, ref touched) != 0 || touched.Type != FileLocks.F_UNLCK;
    }

    static ByteRangeLock LockOf(in Piece piece)
    {
        var start = DataPages.Down(piece.DataOffset);
        return new ByteRangeLock { Type = FileLocks.F_WRLCK, Start = start, Length = DataPages.Up(piece.DataOffset + piece.Length) - start };
    }

    void Unlock(ByteRangeLock range)
    {
        range.Type = FileLocks.F_UNLCK;
        _ = FileLocks.SetRange(_files.DataDescriptor, range);
    }

    /// <summary>The pages that hold nothing of any piece that is there or on its way, but of this one. The page where its file ends is
    /// wholly its own. Under the gate.</summary>
    PageRange PagesOf(in Piece piece, in Neighbours neighbours)
    {
        var start = DataPages.Down(piece.DataOffset);
        var end = DataPages.Up(piece.DataOffset + piece.Length);
        // A neighbour that is gone leaves the shared page to this piece, unless the page may have a third owner beyond it.
        if (neighbours.Before is { } before && before.DataOffset + before.Length > start && (!IsGone(before.Id) || before.DataOffset > start))
            start = DataPages.Up(piece.DataOffset);
        if (neighbours.After is { } after && after.DataOffset < end && (!IsGone(after.Id) || after.DataOffset + after.Length < end && MayHaveMore(after)))
            end = DataPages.Down(piece.DataOffset + piece.Length);
        return PageRange.Between(start, end);
    }

    bool IsGone(long piece) => StateOf(piece) == PieceState.Absent && !_filling.ContainsKey(piece);

    bool MayHaveMore(in Piece piece) => piece.Id + 1 < PieceCount;

    Neighbours NeighboursOf(in Piece piece)
    {
        var from = Math.Max(piece.Id - 1, 0);
        return Neighbours.In(_map.Pieces(from, Math.Min(piece.Id + 2, PieceCount) - from), (int)(piece.Id - from));
    }

    internal bool AnyThere(long first, long end)
    {
        for (var piece = first; piece < end; piece++)
            if (StateOf(piece) != PieceState.Absent)
                return true;
        return false;
    }
}
