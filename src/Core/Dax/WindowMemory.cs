using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Dax;

/// <summary>
/// Memory of one guest's own that its VMM maps in place of files, at one place of the window or in all of it. Nobody can change its size, so that it can be touched here whatever the
/// VMM does. It goes when the last <see cref="TryHold"/> is given back after <see cref="Dispose"/>. Thread-safe.
/// </summary>
sealed unsafe class WindowMemory : IDisposable
{
    readonly FileDescriptor _file;
    readonly ulong _start;
    readonly ulong _size;
    byte* _address;
    int _holds = 1;
    int _disposed;

    /// <summary>Of so many bytes, none of which takes any room before it is written to.</summary>
    /// <param name="start">Where in the window it begins: all places here are the window's.</param>
    /// <param name="size">Bytes.</param>
    /// <exception cref="SystemCallException">There is no memory for it, or no descriptor.</exception>
    public WindowMemory(ulong start, ulong size)
    {
        _start = start;
        _size = size;
        _file = new FileDescriptor(SystemCallException.ThrowIfError(MemoryMaps.CreateMemoryFile("dax-window"), "memfd_create"));
        try
        {
            SystemCallException.ThrowIfError(FileSpace.SetLength(_file.Value, (long)size), "ftruncate");
            SystemCallException.ThrowIfError(MemoryMaps.SealSize(_file.Value), "fcntl");
            SystemCallException.ThrowIfError(
                MemoryMaps.Map((nuint)size, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, _file.Value, 0, out _address), "mmap");
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>While it is held, or not disposed.</summary>
    public int Descriptor => _file.Value;

    /// <summary>False: it is gone.</summary>
    public bool TryHold()
    {
        for (var holds = Volatile.Read(ref _holds); holds > 0;)
        {
            if (Interlocked.CompareExchange(ref _holds, holds + 1, holds) is var before && before == holds)
                return true;
            holds = before;
        }
        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _holds) != 0)
            return;
        _ = MemoryMaps.Unmap(_address, (nuint)_size);
        _address = null;
        _file.Dispose();
    }

    /// <summary>A part as a request's target. While it is held.</summary>
    public void AppendTo(IoBuffers buffers, ulong offset, ulong length) => buffers.Append(_address + (offset - _start), (nuint)length);

    /// <summary>Gives the pages of a part back; it reads as zeros then.</summary>
    public void Punch(ulong offset, ulong length)
    {
        if (!TryHold())
            return;
        _ = FileSpace.Punch(_file.Value, (long)(offset - _start), (long)length);
        Release();
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            Release();
    }
}
