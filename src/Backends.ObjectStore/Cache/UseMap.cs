using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>
/// The keeper's side of what one server notes about one layer: shared memory with a byte for each piece, which the server sets when it uses the
/// piece and the keeper clears when it has seen it. A server can write there what it likes; the worst is that other pieces are evicted first.
/// One thread at a time.
/// </summary>
public sealed unsafe class UseMap : IDisposable
{
    readonly FileDescriptor _memory;
    readonly nuint _size;
    readonly long _pieces;
    byte* _map;

    UseMap(FileDescriptor memory, long pieces)
    {
        _pieces = pieces;
        _size = SizeFor(pieces);
        _memory = memory;
        try
        {
            SystemCallException.ThrowIfError(
                MemoryMaps.Map(_size, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, _memory.Value, 0, out _map), "mmap", "a use map");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    ~UseMap() => Unmap();

    /// <summary>A map in which nothing is noted yet.</summary>
    /// <exception cref="SystemCallException">There is no memory, or no descriptor.</exception>
    public static UseMap Create(long pieces)
    {
        var memory = new FileDescriptor(SystemCallException.ThrowIfError(MemoryMaps.CreateMemoryFile("virtiofs-store-use"), "memfd_create"));
        try
        {
            SystemCallException.ThrowIfError(FileSpace.SetLength(memory.Value, (long)SizeFor(pieces)), "ftruncate", "a use map");
            // The server has it writable, and shall not make a SIGBUS of the keeper's sweep.
            SystemCallException.ThrowIfError(MemoryMaps.SealSize(memory.Value), "fcntl", "a use map");
        }
        catch
        {
            memory.Dispose();
            throw;
        }

        return new UseMap(memory, pieces);
    }

    /// <summary>The map that a server has from another keeper, which is no more. Null where the descriptor is none of a layer of so many pieces.</summary>
    /// <exception cref="SystemCallException">There is no memory, or no descriptor.</exception>
    public static UseMap? TryAdopt(int memory, long pieces) =>
        FileShape.OfDescriptor(memory, out var shape) >= 0 && shape.Size == (long)SizeFor(pieces) && MemoryMaps.IsSizeSealed(memory)
            ? new UseMap(new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Duplicate(memory), "dup", "a use map")), pieces)
            : null;

    /// <summary>To be sent to the server, which maps it writable (<see cref="UseMapWriter"/>).</summary>
    public int Descriptor => _memory.Value;

    /// <summary>Of the memory in bytes: whole 64-bit words.</summary>
    internal static nuint SizeFor(long pieces) => (nuint)Math.Max((pieces + 7) & ~7L, 8);

    /// <summary>Moves what was noted to the times of use, as of now.</summary>
    internal void Sweep(LastUse use)
    {
        for (var piece = 0L; piece < _pieces; piece += sizeof(ulong))
        {
            if (Volatile.Read(ref *(ulong*)(_map + piece)) == 0) continue;
            for (var i = piece; i < Math.Min(piece + sizeof(ulong), _pieces); i++)
            {
                if (Volatile.Read(ref _map[i]) == 0) continue;
                Volatile.Write(ref _map[i], 0);
                use.Touch(i, 1);
            }
        }
    }

    public void Dispose()
    {
        _memory.Dispose();
        Unmap();
        GC.SuppressFinalize(this);
    }

    void Unmap()
    {
        if (_map != null) _ = MemoryMaps.Unmap(_map, _size);
        _map = null;
    }
}
