using System.Runtime.CompilerServices;

namespace VirtioFsStore.Driver.Memory;

/// <summary>The guest's memory: memfd regions at chosen addresses, and an allocator of buffers in them. Used by one thread at a time.</summary>
public sealed unsafe class GuestMemory : IDisposable
{
    public const ulong PageSize = 4096;

    const ulong FirstUserAddress = 0x7E00_0000_0000;

    readonly List<GuestRegion> _regions = [];
    GuestRegion[] _lookup = [];
    GuestRegion _allocating;
    ulong _nextUserAddress = FirstUserAddress;
    ulong _allocated;

    public GuestMemory(params ReadOnlySpan<MemoryLayout> layout)
    {
        foreach (var one in layout)
            Add(one);
        _allocating = _regions[0];
        // Address 0 stays free: a buffer there would hide bugs that treat 0 as none.
        _allocated = PageSize;
    }

    public IReadOnlyList<GuestRegion> Regions => _regions;

    /// <summary>One past the highest guest address.</summary>
    public ulong End => _regions.Max(region => region.GuestAddress + region.Size);

    /// <summary>Adds a region that is a file, as a VMM tells of what is mapped in its window.</summary>
    public GuestRegion AddFile(string path, MemoryLayout layout)
    {
        var region = new GuestRegion(path, layout, _nextUserAddress);
        _nextUserAddress += layout.Size + (1UL << 30);
        _regions.Add(region);
        _lookup = [.. _regions];
        return region;
    }

    /// <summary>Adds a region, as memory hot-plug does. The back-end has to be told (ADD_MEM_REG).</summary>
    public GuestRegion Add(MemoryLayout layout)
    {
        var region = new GuestRegion(layout, _nextUserAddress);
        _nextUserAddress += layout.Size + (1UL << 30);
        _regions.Add(region);
        _lookup = [.. _regions];
        return region;
    }

    /// <summary>Takes a region out and frees it; the back-end has been told before (REM_MEM_REG).</summary>
    public void Remove(GuestRegion region)
    {
        _regions.Remove(region);
        _lookup = [.. _regions];
        region.Dispose();
    }

    /// <summary>From now on buffers come from <paramref name="region"/>, starting <paramref name="skip"/> bytes into it.</summary>
    public void AllocateFrom(GuestRegion region, ulong skip = 0)
    {
        _allocating = region;
        _allocated = skip;
    }

    /// <summary>A zeroed buffer that lasts as long as the memory does. Returns its guest address.</summary>
    public ulong Allocate(ulong size, ulong alignment = 16)
    {
        var start = (_allocated + alignment - 1) & ~(alignment - 1);
        if (start + size > _allocating.Size)
            throw new InvalidOperationException($"Guest memory is used up: {size} bytes wanted, {_allocating.Size - _allocated} left of {_allocating.Size}.");
        _allocated = start + size;
        return _allocating.GuestAddress + start;
    }

    /// <summary>Where guest memory lies in this process.</summary>
    public byte* Translate(ulong guestAddress, ulong length)
    {
        foreach (var region in _lookup)
            if (region.Contains(guestAddress, length))
                return region.Pointer + (guestAddress - region.GuestAddress);
        throw new ArgumentOutOfRangeException(nameof(guestAddress), $"No region holds {length} bytes at 0x{guestAddress:x}.");
    }

    public Span<byte> Span(ulong guestAddress, int length) => new(Translate(guestAddress, (ulong)length), length);

    /// <summary>The address by which vring messages name this place.</summary>
    public ulong ToUserAddress(ulong guestAddress)
    {
        foreach (var region in _lookup)
            if (region.Contains(guestAddress, 1))
                return region.UserAddress + (guestAddress - region.GuestAddress);
        throw new ArgumentOutOfRangeException(nameof(guestAddress), $"No region holds 0x{guestAddress:x}.");
    }

    public void Write<T>(ulong guestAddress, in T value)
        where T : unmanaged => Unsafe.WriteUnaligned(Translate(guestAddress, (ulong)sizeof(T)), value);

    public T Read<T>(ulong guestAddress)
        where T : unmanaged => Unsafe.ReadUnaligned<T>(Translate(guestAddress, (ulong)sizeof(T)));

    public void Dispose()
    {
        foreach (var region in _regions)
            region.Dispose();
        _regions.Clear();
        _lookup = [];
    }
}
