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

    /// <summary>Drops one piece under the gate, so that nobody begins to fill it while its pages go.</summary>
    /// <param name="piece">Which.</param>
    /// <param name="neighbours">The pieces that may share its pages.</param>
    /// <param name="damaged">Null to evict; else the word under which its bytes were found wrong: such a piece is no longer present even where it
    /// is pinned, and only its pages stay, to be written over.</param>
    EvictResult Drop(in Piece piece, in Neighbours neighbours, ulong? damaged)
    {
        lock (_gate)
        {
            if (StateOf(piece.Id) == PieceState.Absent || _filling.Contains(piece.Id)) return default;
            if (damaged is { } word && _files.Word(piece.Id) != word) return default;
            // The lock is on every page that the piece touches, as pins are: a guest's page may hold the ends of two pieces.
            var start = DataPages.Down(piece.DataOffset);
            var touched = new ByteRangeLock { Type = FileLocks.F_WRLCK, Start = start, Length = DataPages.Up(piece.DataOffset + piece.Length) - start };
            var pinned = FileLocks.SetRange(_files.DataDescriptor, touched) < 0;
            if (pinned && damaged is null) return new(0, 0, 1);
            var undoubted = MakeDirty() != Errno.None;
            if (undoubted && damaged is null)
            {
                Unlock(touched, pinned);
                return default;
            }

            // The word first: a server that saw the hole sees another word.
            SetState(piece.Id, PieceState.Absent);
            var pages = pinned || undoubted ? default : PagesOf(piece, neighbours);
            if (pages.Length > 0 && _files.Punch(pages.Offset, pages.Length) != Errno.None) pages = default;
            Unlock(touched, pinned);
            if (damaged is null) Counters.Evicted(pages.Length);
            return new(1, pages.Length, pinned ? 1 : 0);
        }
    }

    void Unlock(ByteRangeLock range, bool pinned)
    {
        if (pinned) return;
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

    bool IsGone(long piece) => StateOf(piece) == PieceState.Absent && !_filling.Contains(piece);

    bool MayHaveMore(in Piece piece) => piece.Id + 1 < PieceCount;

    Neighbours NeighboursOf(in Piece piece)
    {
        var from = Math.Max(piece.Id - 1, 0);
        return Neighbours.In(_map.Pieces(from, Math.Min(piece.Id + 2, PieceCount) - from), (int)(piece.Id - from));
    }

    bool AnyThere(long first, long end)
    {
        for (var piece = first; piece < end; piece++)
            if (StateOf(piece) != PieceState.Absent)
                return true;
        return false;
    }
}
