using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>When each piece of a layer was used last: the file <c>used</c>, a 32-bit number for each piece, little-endian, in minutes since
/// 1970, and 0 for never. Only hints: it is not synced, what a crash loses is only the order of eviction. Thread-safe.</summary>
public sealed unsafe class LastUse : IDisposable
{
    readonly nuint _size;
    readonly long _pieces;
    readonly TimeProvider _clock;
    byte* _map;

    LastUse(byte* map, nuint size, long pieces, TimeProvider clock)
    {
        _map = map;
        _size = size;
        _pieces = pieces;
        _clock = clock;
    }

    ~LastUse() => Unmap();

    /// <summary>This minute.</summary>
    public uint Now => (uint)(_clock.GetUtcNow().ToUnixTimeSeconds() / 60);

    /// <summary>The minute in which a piece was used last, or 0. Whatever the file says: it may be damaged.</summary>
    public uint this[long piece] => Volatile.Read(ref *At(piece));

    /// <summary>Opens the file, or makes it. Where that cannot be, on a full disk, the times are kept in memory.</summary>
    /// <param name="path">Where it lies; null for memory.</param>
    /// <param name="pieces">Of the layer.</param>
    /// <param name="clock">Tells the time of use.</param>
    /// <exception cref="SystemCallException">There is no memory either.</exception>
    public static LastUse Open(string? path, long pieces, TimeProvider clock)
    {
        var size = (nuint)Math.Max(pieces * sizeof(uint), 1);
        if (path is null || !TryMap(path, size, out var map))
            SystemCallException.ThrowIfError(
                MemoryMaps.Map(size, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_PRIVATE | MemoryMaps.MAP_ANONYMOUS, -1, 0, out map), "mmap", "times of use");
        return new LastUse(map, size, pieces, clock);
    }

    /// <summary>Some pieces are used now.</summary>
    public void Touch(long first, long count)
    {
        var now = Now;
        for (var piece = first; piece < first + count; piece++) Volatile.Write(ref *At(piece), now);
    }

    public void Dispose()
    {
        Unmap();
        GC.SuppressFinalize(this);
    }

    static bool TryMap(string path, nuint size, out byte* map)
    {
        map = null;
        var fd = Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK, 0x180 /* 0600 */);
        if (fd < 0) return false;
        using var file = new FileDescriptor(fd);
        // Allocated before it is mapped, as the state file: a store into a hole on a full disk is a SIGBUS.
        return FileSpace.Allocate(fd, 0, 0, (long)size) == 0
            && MemoryMaps.Map(size, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, fd, 0, out map) == 0;
    }

    void Unmap()
    {
        if (_map != null) _ = MemoryMaps.Unmap(_map, _size);
        _map = null;
    }

    uint* At(long piece)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)piece, (ulong)_pieces, nameof(piece));
        return (uint*)_map + piece;
    }
}
