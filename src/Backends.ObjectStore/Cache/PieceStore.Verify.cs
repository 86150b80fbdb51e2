using System.Buffers;
using System.Security.Cryptography;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    const int ReadSize = 256 << 10;

    /// <summary>One at a time: a disk is read no faster by more, and a suspect piece that two ask for is read once.</summary>
    readonly SemaphoreSlim _verifying = new(1, 1);

    /// <summary>Reads every piece that is there and compares it with its digest. Damaged ones become absent, to be fetched again; suspect ones
    /// that are right become present, or stay in doubt where the state file cannot be synced.</summary>
    /// <param name="progress">Gets the bytes read so far.</param>
    /// <param name="cancellation">Ends it between pieces.</param>
    /// <exception cref="CacheException">The layer's index is damaged.</exception>
    public async ValueTask<VerifyResult> VerifyAsync(IProgress<long>? progress, CancellationToken cancellation)
    {
        if (!TryEnter()) return new VerifyResult(0, 0, [], 0);
        try
        {
            return await Task.Run(() => VerifyAll(progress, cancellation), cancellation).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Looks at a suspect piece where it lies: afterwards it is present, or absent, or in doubt still where the state file cannot be synced.</summary>
    internal async Task VerifySuspectAsync(long piece)
    {
        // Whoever waits for it may go before it ends.
        if (!TryEnter()) return;
        try
        {
            await _verifying.WaitAsync().ConfigureAwait(false);
            try
            {
                if (StateOf(piece) == PieceState.Suspect)
                    await Task.Run(() => VerifySuspect(_map.Pieces(piece, 1)[0])).ConfigureAwait(false);
            }
            finally
            {
                _verifying.Release();
            }
        }
        finally
        {
            Leave();
        }
    }

    VerifyResult VerifyAll(IProgress<long>? progress, CancellationToken cancellation)
    {
        long pieces = 0, bytes = 0, damaged = 0;
        var listed = new List<long>();
        for (var first = 0L; first < PieceCount; first += BatchSize)
        {
            var count = Math.Min(BatchSize, PieceCount - first);
            if (!AnyThere(first, first + count)) continue;
            foreach (var piece in _map.Pieces(first, count))
            {
                cancellation.ThrowIfCancellationRequested();
                if (StateOf(piece.Id) == PieceState.Absent) continue;
                pieces++;
                bytes += piece.Length;
                if (!Verify(piece))
                {
                    damaged++;
                    if (listed.Count < VerifyResult.MaxListed) listed.Add(piece.Id);
                }

                progress?.Report(bytes);
            }
        }

        return new VerifyResult(pieces, bytes, listed, damaged);
    }

    bool Verify(in Piece piece)
    {
        while (true)
        {
            var word = _files.Word(piece.Id);
            switch (StateOf(piece.Id))
            {
                case PieceState.Absent:
                    return true;
                case PieceState.Suspect:
                    _verifying.Wait();
                    try
                    {
                        if (StateOf(piece.Id) == PieceState.Suspect) return VerifySuspect(piece);
                    }
                    finally
                    {
                        _verifying.Release();
                    }

                    continue;
            }

            if (HasRightBytes(piece, rewrite: false)) return true;
            // Evicted in the middle of it: what was read says nothing.
            if (_files.Word(piece.Id) != word) continue;
            DropDamaged(piece, word);
            return false;
        }
    }

    /// <returns>Whether it was right. Under <see cref="_verifying"/>.</returns>
    bool VerifySuspect(in Piece piece)
    {
        while (true)
        {
            ulong word;
            int failedSyncs;
            bool mayChange;
            lock (_gate)
            {
                word = _files.Word(piece.Id);
                if (StateOf(piece.Id) != PieceState.Suspect) return true;
                failedSyncs = _failedSyncs;
                // One that may be wrong on the disk alone is not written again while others have it open for writing.
                mayChange = TryThaw() && MakeDirty() == Errno.None;
                if (mayChange) _filling.Add(piece.Id, failedSyncs);
            }

            if (!mayChange)
            {
                // It stays in doubt if it is right, and is no less compared for that.
                if (HasRightBytes(piece, rewrite: false)) return true;
                if (_files.Word(piece.Id) != word) continue;
                DropDamaged(piece, word);
                return false;
            }

            var right = false;
            try
            {
                right = HasRightBytes(piece, _rewriteSuspects);
            }
            finally
            {
                lock (_gate)
                {
                    _filling.Remove(piece.Id);
                    // A sync that failed meanwhile has put it in doubt again.
                    if (failedSyncs == _failedSyncs && right) SetState(piece.Id, PieceState.Present);
                }
            }

            if (!right) DropDamaged(piece, word);
            if (!right || failedSyncs == Volatile.Read(ref _failedSyncs)) return right;
        }
    }

    void DropDamaged(in Piece piece, ulong word)
    {
        Counters.FailedVerification();
        Log.Damaged(_logger, Name, piece.Id, piece.DataOffset, piece.Length);
        Drop(piece, NeighboursOf(piece), word);
    }

    /// <param name="piece">Which.</param>
    /// <param name="rewrite">Whether to write back what is read, so that the next sync finds it to be written.</param>
    bool HasRightBytes(in Piece piece, bool rewrite)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(ReadSize);
        try
        {
            for (var at = 0L; at < piece.Length;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(ReadSize, piece.Length - at));
                if (!_files.ReadData(piece.DataOffset + at, part)) return false;
                hash.AppendData(part);
                if (rewrite && _files.WriteData(piece.DataOffset + at, part) != Errno.None) return false;
                at += part.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return piece.Sha256.IsEmpty ? _digests.Matches(piece.Id, digest) : digest.SequenceEqual(piece.Sha256.Span);
    }
}
