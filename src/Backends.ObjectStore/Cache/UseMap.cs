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

    /// <exception cref="SystemCallException">There is no memory, or no descriptor.</exception>
    public UseMap(long pieces)
    {
        _pieces = pieces;
        _size = SizeFor(pieces);
        _memory = new FileDescriptor(SystemCallException.ThrowIfError(MemoryMaps.CreateMemoryFile("virtiofs-store-use"), "memfd_create"));
        try
        {
            SystemCallException.ThrowIfError(FileSpace.SetLength(_memory.Value, (long)_size), "ftruncate", "a use map");
            // The server has it writable, and shall not make a SIGBUS of the keeper's sweep.
            SystemCallException.ThrowIfError(MemoryMaps.SealSize(_memory.Value), "fcntl", "a use map");
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
