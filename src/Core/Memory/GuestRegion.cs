using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Memory;

/// <summary>
/// A region of guest memory, mapped here. It stays mapped while it is in a table that somebody may use, and while a request
/// that waits points into it (a pin); <see cref="GuestMemoryTable"/> decides.
/// </summary>
sealed unsafe class GuestRegion
{
    readonly byte* _mapping;
    readonly nuint _mappedLength;
    int _pins;

    GuestRegion(in MemoryRegionInfo info, byte* mapping, nuint mappedLength, byte* host, bool writable, bool isOfWindow)
    {
        Info = info;
        _mapping = mapping;
        _mappedLength = mappedLength;
        Host = host;
        IsWritable = writable;
        IsOfWindow = isOfWindow;
    }

    public MemoryRegionInfo Info { get; }

    /// <summary>Where the region's first byte is in this process.</summary>
    public byte* Host { get; }

    /// <summary>False where the VMM's descriptor is read-only (a file that it maps for its guest).</summary>
    public bool IsWritable { get; }

    /// <summary>
    /// A file that the VMM has mapped for its guest (DAX): others may cut it short at any time, and who touches what is gone is killed. Only
    /// preadv and pwritev may, which answer EFAULT.
    /// </summary>
    public bool IsOfWindow { get; }

    public bool IsPinned => Volatile.Read(ref _pins) != 0;

    /// <summary>
    /// Maps a region of <paramref name="fd"/>, which stays the caller's. Null with <paramref name="error"/> in words where the
    /// description cannot be true: it wraps, or the file is shorter (touching what lies past a file's end kills the process).
    /// </summary>
    /// <param name="info">The description.</param>
    /// <param name="fd">The file.</param>
    /// <param name="error">Why not.</param>
    /// <param name="isOfWindow">Tells <see cref="IsOfWindow"/>; without it no region is.</param>
    public static GuestRegion? TryMap(in MemoryRegionInfo info, int fd, out string? error, Func<FileShape, bool>? isOfWindow = null)
    {
        if (info.Size == 0)
            return Fail("is empty", out error);
        if (info.GuestAddress + info.Size < info.GuestAddress || info.UserAddress + info.Size < info.UserAddress)
            return Fail("wraps around the end of the address space", out error);
        var end = info.FileOffset + info.Size;
        if (end < info.FileOffset || end > long.MaxValue)
            return Fail("lies beyond any file's end", out error);
        var result = FileShape.OfDescriptor(fd, out var shape);
        if (result < 0)
            return Fail($"cannot be examined: {result.ToErrno().Describe()}", out error);
        var ofWindow = isOfWindow?.Invoke(shape) ?? false;
        if (shape.IsRegular && end > (ulong)shape.Size && !ofWindow)
            return Fail($"ends at {end} of a file of {shape.Size} bytes", out error);

        // hugetlbfs maps whole huge pages only, whose size it gives as the block size.
        var page = Math.Max((ulong)Environment.SystemPageSize, IsPowerOfTwo(shape.BlockSize) ? shape.BlockSize : 0);
        var start = info.FileOffset & ~(page - 1);
        var length = (nuint)((end - start + page - 1) & ~(page - 1));
        var writable = true;
        result = MemoryMaps.Map(length, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED | MemoryMaps.MAP_NORESERVE, fd, (long)start, out var mapping);
        if (result == -(int)Errno.EACCES)
        {
            writable = false;
            result = MemoryMaps.Map(length, MemoryMaps.PROT_READ, MemoryMaps.MAP_SHARED | MemoryMaps.MAP_NORESERVE, fd, (long)start, out mapping);
        }
        if (result < 0)
            return Fail($"cannot be mapped: {result.ToErrno().Describe()}", out error);
        error = null;
        return new GuestRegion(info, mapping, length, mapping + (info.FileOffset - start), writable, ofWindow);
    }

    public void Pin() => Interlocked.Increment(ref _pins);

    /// <summary>True when it was the last pin.</summary>
    public bool Unpin() => Interlocked.Decrement(ref _pins) == 0;

    /// <summary>Only when nobody can reach it any more.</summary>
    public void Unmap() => _ = MemoryMaps.Unmap(_mapping, _mappedLength);

    static bool IsPowerOfTwo(uint value) => value != 0 && (value & (value - 1)) == 0;

    static GuestRegion? Fail(string reason, out string? error)
    {
        error = reason;
        return null;
    }
}
