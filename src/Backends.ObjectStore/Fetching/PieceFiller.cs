using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Takes a decompressed stream and fills the pieces that it passes and a target wants, each hashed and
/// written as it comes, and finished with whether all of it was right. What lies between pieces, and pieces that are not wanted, it passes over.</summary>
/// <param name="store">Knows the pieces.</param>
/// <param name="target">Gets them.</param>
/// <param name="run">Says which.</param>
/// <param name="isVerified">Whether the stream comes out of spans that had the right digests: pieces without one of their own are right then.</param>
/// <param name="gate">Guards the run.</param>
sealed class PieceFiller(PieceStore store, IPieceTarget target, FetchRun run, bool isVerified, Lock gate) : IDisposable
{
    /// <summary>Pieces that are read from the map at a time.</summary>
    const int BatchSize = 256;

    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    Piece[] _batch = [];
    int _index;
    bool _open;
    bool _filling;
    bool _pinned;
    long _have;

    /// <summary>Whether nothing of what is to come is wanted any more.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Whether a piece has begun that has not ended.</summary>
    public bool IsOpen => _open;

    /// <summary>How many pieces had other bytes than they should.</summary>
    public int Mismatches { get; private set; }

    /// <param name="offset">Where the bytes lie in the stream: behind those that were taken before.</param>
    /// <param name="bytes">Some of the stream.</param>
    /// <param name="error">Why not all of them were taken, from a write or, where <see cref="IsOpen"/> is false, the sync before it; the rest may be
    /// given again.</param>
    /// <returns>How many were taken.</returns>
    /// <exception cref="CacheException">The index is damaged.</exception>
    public int Feed(long offset, ReadOnlySpan<byte> bytes, out Errno error)
    {
        error = Errno.None;
        var taken = 0;
        while (taken < bytes.Length && OpenNext(out error))
        {
            ref readonly var piece = ref _batch[_index];
            var gap = piece.StreamOffset + _have - (offset + taken);
            if (gap < 0) throw new CacheException($"the layer's index is damaged: piece {piece.Id} lies before its span; delete the layer's folder from the store, and it is made again");
            if (gap >= bytes.Length - taken) break;
            taken += (int)gap;
            var part = bytes.Slice(taken, (int)Math.Min(bytes.Length - taken, piece.Length - _have));
            if (_filling)
            {
                error = target.Write(piece, _have, part);
                if (error != Errno.None) return taken;
                _hash.AppendData(part);
            }

            taken += part.Length;
            _have += part.Length;
            if (_have == piece.Length) Close(piece);
        }

        return error == Errno.None ? bytes.Length : taken;
    }

    /// <summary>A piece that was begun and not finished is dropped.</summary>
    public void Dispose()
    {
        if (_open && _filling) target.Finish(_batch[_index], right: false);
        _open = false;
        _hash.Dispose();
    }

    /// <returns>False where nothing is wanted any more, or there is an <paramref name="error"/>.</returns>
    bool OpenNext(out Errno error)
    {
        error = Errno.None;
        if (_open) return true;
        long next, end;
        lock (gate)
        {
            next = run.Next;
            end = run.End;
        }

        IsDone = next >= end;
        if (IsDone) return false;
        if (_batch.Length == 0 || next > _batch[^1].Id) ReadBatch(next, end);
        _index = (int)(next - _batch[0].Id);
        error = target.TryBegin(_batch[_index], out var outcome);
        if (error != Errno.None) return false;
        _open = true;
        _have = 0;
        _filling = outcome == BeginOutcome.Begun;
        _pinned = outcome == BeginOutcome.Pinned;
        return true;
    }

    void ReadBatch(long next, long end)
    {
        var last = _batch.Length > 0 ? _batch[^1] : default(Piece?);
        _batch = store.Map.Pieces(next, Math.Min(BatchSize, end - next));
        if (last is { } before && (_batch[0].DataOffset < before.DataOffset + before.Length || _batch[0].StreamOffset < before.StreamOffset + before.Length))
            throw new CacheException($"the layer's index is damaged: piece {next} lies before piece {before.Id}; delete the layer's folder from the store, and it is made again");
    }

    void Close(in Piece piece)
    {
        _open = false;
        var outcome = _pinned ? FetchOutcome.Pinned : FetchOutcome.Done;
        if (_filling)
        {
            Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
            _hash.GetHashAndReset(digest);
            var right = piece.Sha256.IsEmpty ? isVerified : digest.SequenceEqual(piece.Sha256.Span);
            if (right && piece.Sha256.IsEmpty) store.NoteDigest(piece.Id, digest);
            target.Finish(piece, right);
            if (!right)
            {
                Mismatches++;
                store.Counters.FailedVerification();
                outcome = FetchOutcome.Mismatch;
            }
        }

        lock (gate)
        {
            run.Handled(piece.Id, outcome);
            IsDone = run.Next >= run.End;
        }
    }
}
