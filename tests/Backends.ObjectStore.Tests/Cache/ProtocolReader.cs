using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>Reads a layer's cache as a server does: its own descriptors, read-only, and each piece's whole word before and after.</summary>
sealed unsafe class ProtocolReader : IDisposable
{
    readonly MadeLayer _layer;
    readonly FileDescriptor _data;
    readonly nuint _size;
    readonly byte* _state;

    public ProtocolReader(MadeLayer layer, LayerFiles files)
    {
        _layer = layer;
        _data = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(files.Data, OpenFlags.O_RDONLY), "open", files.Data));
        using var state = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(files.State, OpenFlags.O_RDONLY), "open", files.State));
        _size = (nuint)StateFile.FileSize(layer.PieceCount);
        SystemCallException.ThrowIfError(MemoryMaps.Map(_size, MemoryMaps.PROT_READ, MemoryMaps.MAP_SHARED, state.Value, 0, out _state), "mmap", files.State);
    }

    /// <summary>Of the description that is this reader's own, as a server's is: what locks are held on.</summary>
    public int Descriptor => _data.Value;

    public ulong Word(long piece) => Volatile.Read(ref *((ulong*)(_state + StateFile.HeaderSize) + piece));

    public bool IsPresent(long piece) => (PieceState)(uint)Word(piece) == PieceState.Present;

    /// <summary>Null when the piece is not there; else whether what a server would give to its guest is right.</summary>
    public bool? Read(Piece piece)
    {
        var buffer = new byte[piece.Length];
        while (true)
        {
            var word = Word(piece.Id);
            if ((PieceState)(uint)word != PieceState.Present) return null;
            nint count;
            fixed (byte* bytes = buffer) count = FileIo.ReadAt(_data.Value, bytes, (nuint)buffer.Length, piece.DataOffset);
            Interlocked.MemoryBarrier();
            if (Word(piece.Id) != word) continue;
            return count == buffer.Length && buffer.AsSpan().SequenceEqual(_layer.Stream.AsSpan((int)piece.StreamOffset, buffer.Length));
        }
    }

    public int PresentCount() => _layer.Pieces.Count(piece => IsPresent(piece.Id));

    /// <summary>What is there is right.</summary>
    public void AssertRight() => Assert.All(_layer.Pieces, piece => Assert.True(Read(piece) ?? true, $"piece {piece.Id} has wrong bytes"));

    /// <summary>All is there and right.</summary>
    public void AssertComplete() => Assert.All(_layer.Pieces, piece => Assert.True(Read(piece) ?? false, $"piece {piece.Id} is absent or wrong"));

    public void Dispose()
    {
        _data.Dispose();
        _ = MemoryMaps.Unmap(_state, _size);
    }
}
