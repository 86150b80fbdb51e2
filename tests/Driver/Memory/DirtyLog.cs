using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.Memory;

/// <summary>The bitmap of SET_LOG_BASE: one bit per 4 KiB page of guest memory from address 0 (vhost-user, "Migration").</summary>
public sealed unsafe class DirtyLog : IDisposable
{
    readonly FileDescriptor _file;
    byte* _bits;

    /// <param name="coveredBytes">One past the last address that the log covers.</param>
    /// <param name="offset">Where the bitmap starts in its file, whole pages.</param>
    public DirtyLog(ulong coveredBytes, ulong offset = 0)
    {
        // QEMU sizes the log in whole longs.
        Size = (((coveredBytes + GuestMemory.PageSize - 1) / GuestMemory.PageSize) + 63) / 64 * 8;
        Offset = offset;
        _file = new FileDescriptor(Native.CreateMemory("dirty-log", (long)(offset + Size)));
        _bits = Native.Map(_file.Value, (long)offset, (nuint)Size);
    }

    public ulong Size { get; }

    public ulong Offset { get; }

    public int Fd => _file.Value;

    public bool IsDirty(ulong guestAddress)
    {
        var page = guestAddress / GuestMemory.PageSize;
        return (Volatile.Read(ref _bits[page / 8]) >> (int)(page % 8) & 1) != 0;
    }

    /// <summary>Addresses of all marked pages.</summary>
    public List<ulong> DirtyPages()
    {
        var pages = new List<ulong>();
        for (ulong index = 0; index < Size; index++)
            for (var bit = 0; bit < 8; bit++)
                if ((Volatile.Read(ref _bits[index]) >> bit & 1) != 0)
                    pages.Add((index * 8 + (ulong)bit) * GuestMemory.PageSize);
        return pages;
    }

    /// <summary>Forgets all marks, as a VMM does at each round of a migration.</summary>
    public void Clear() => new Span<byte>(_bits, (int)Size).Clear();

    public void Dispose()
    {
        if (_bits is null)
            return;
        Native.Unmap(_bits, (nuint)Size);
        _bits = null;
        _file.Dispose();
    }
}
