using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Takes a range of the data file into memory, out of the pieces that hold it: they are verified as a whole, however little of them is
/// kept.</summary>
/// <param name="memory">A memory file of <paramref name="length"/> bytes.</param>
/// <param name="offset">Of the range in the data file.</param>
/// <param name="length">Of the range.</param>
sealed unsafe class MemoryTarget(int memory, long offset, int length) : IPieceTarget
{
    /// <summary>Whether what was finished so far was right.</summary>
    public bool IsRight { get; private set; } = true;

    public Errno TryBegin(in Piece piece, out BeginOutcome outcome)
    {
        outcome = BeginOutcome.Begun;
        return Errno.None;
    }

    public Errno Write(in Piece piece, long at, ReadOnlySpan<byte> bytes)
    {
        var start = piece.DataOffset + at - offset;
        if (start < 0) bytes = bytes[(int)Math.Min(-start, bytes.Length)..];
        start = Math.Max(start, 0);
        if (start >= length) return Errno.None;
        bytes = bytes[..(int)Math.Min(bytes.Length, length - start)];
        fixed (byte* source = bytes)
            for (var done = 0; done < bytes.Length;)
            {
                var count = FileIo.WriteAt(memory, source + done, (nuint)(bytes.Length - done), start + done);
                if (count < 0) return count.ToErrno();
                done += (int)count;
            }

        return Errno.None;
    }

    public void Finish(in Piece piece, bool right) => IsRight &= right;
}
