using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The server's side of a <see cref="UseMap"/>. Thread-safe.</summary>
public sealed unsafe class UseMapWriter : IDisposable
{
    readonly nuint _size;
    readonly long _pieces;
    byte* _map;

    /// <param name="memory">The descriptor that the keeper sent; not needed afterwards.</param>
    /// <param name="pieces">Of the layer.</param>
    /// <exception cref="SystemCallException">It cannot be mapped.</exception>
    /// <exception cref="CacheException">It is for another number of pieces.</exception>
    public UseMapWriter(int memory, long pieces)
    {
        _pieces = pieces;
        _size = UseMap.SizeFor(pieces);
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(memory, out var shape), "statx", "a use map");
        if (shape.Size != (long)_size) throw new CacheException($"a use map of {shape.Size} bytes is not one of {pieces} pieces");
        SystemCallException.ThrowIfError(
            MemoryMaps.Map(_size, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, memory, 0, out _map), "mmap", "a use map");
    }

    ~UseMapWriter() => Unmap();

    /// <summary>Some pieces are used. Looks before it writes: a byte that is set already costs a read of a line that all threads share.</summary>
    public void Touch(long first, int count)
    {
        if ((ulong)first > (ulong)_pieces) return;
        for (long piece = first, end = Math.Min(first + count, _pieces); piece < end; piece++)
            if (Volatile.Read(ref _map[piece]) == 0)
                Volatile.Write(ref _map[piece], 1);
    }

    public void Dispose()
    {
        Unmap();
        GC.SuppressFinalize(this);
    }

    void Unmap()
    {
        if (_map != null) _ = MemoryMaps.Unmap(_map, _size);
        _map = null;
    }
}
