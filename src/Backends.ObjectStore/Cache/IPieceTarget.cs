using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>Where pieces go that come out of a stream. One piece at a time, each begun, written front to back and finished.</summary>
interface IPieceTarget
{
    /// <summary>Begins a piece where it is wanted and may be written; only then do the others follow.</summary>
    /// <returns>Why the piece cannot be begun just now; it may be tried again.</returns>
    Errno TryBegin(in Piece piece, out BeginOutcome outcome);

    /// <param name="piece">Which.</param>
    /// <param name="at">The offset of the bytes in the piece.</param>
    /// <param name="bytes">Not verified yet.</param>
    Errno Write(in Piece piece, long at, ReadOnlySpan<byte> bytes);

    /// <param name="piece">Which.</param>
    /// <param name="right">Whether all of it was written and has the digest that it should have.</param>
    void Finish(in Piece piece, bool right);
}
