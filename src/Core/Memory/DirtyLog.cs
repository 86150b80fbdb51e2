using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Memory;

/// <summary>
/// The bitmap in which a migrating VMM learns what was written (vhost-user, "Migration"): one bit for each 4 KiB page,
/// from guest address 0 on.
/// </summary>
sealed unsafe class DirtyLog
{
    /// <summary>VHOST_LOG_PAGE.</summary>
    const int PageShift = 12;

    readonly byte* _mapping;
    readonly nuint _mappedLength;
    readonly uint* _words;
    readonly ulong _pages;

    DirtyLog(byte* mapping, nuint mappedLength, uint* words, ulong pages)
    {
        _mapping = mapping;
        _mappedLength = mappedLength;
        _words = words;
        _pages = pages;
    }

    /// <summary>Maps <paramref name="size"/> bytes of log at <paramref name="offset"/>; the descriptor stays the caller's. Null with the reason otherwise.</summary>
    public static DirtyLog? TryMap(int fd, ulong size, ulong offset, out string? error)
    {
        error = null;
        var end = offset + size;
        var result = FileShape.OfDescriptor(fd, out var shape);
        // Bits are set by atomic operations on 32-bit words.
        if (size < sizeof(uint) || end < offset || end > long.MaxValue || offset % sizeof(uint) != 0)
            error = $"a log of {size} bytes at offset {offset} cannot be";
        else if (result < 0)
            error = $"its file cannot be examined: {result.ToErrno().Describe()}";
        else if (shape.IsRegular && end > (ulong)shape.Size)
            error = $"it ends at {end} of a file of {shape.Size} bytes";
        if (error is not null)
            return null;
        var start = offset & ~((ulong)Environment.SystemPageSize - 1);
        var length = (nuint)(end - start);
        result = MemoryMaps.Map(length, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, fd, (long)start, out var mapping);
        if (result < 0)
        {
            error = $"it cannot be mapped: {result.ToErrno().Describe()}";
            return null;
        }
        return new DirtyLog(mapping, length, (uint*)(mapping + (offset - start)), size / sizeof(uint) * sizeof(uint) * 8);
    }

    /// <summary>Marks the pages of a range as written. What lies past the log's end is left out.</summary>
    public void Mark(ulong address, ulong length)
    {
        if (length == 0)
            return;
        var last = address + length - 1;
        if (last < address)
            last = ulong.MaxValue;
        var end = Math.Min((last >> PageShift) + 1, _pages);
        for (var page = address >> PageShift; page < end; page++)
        {
            ref var word = ref _words[page / 32];
            var bit = 1u << (int)(page % 32);
            // No shortcut for a bit that is set already: the VMM may be taking it at this moment.
            Interlocked.Or(ref word, bit);
        }
    }

    /// <summary>Only when nobody can reach it any more.</summary>
    public void Unmap() => _ = MemoryMaps.Unmap(_mapping, _mappedLength);
}
