using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>A part of a file in a memory file of its own.</summary>
static unsafe class MemoryCopy
{
    /// <summary>Copies once, from the page cache into the new file's pages.</summary>
    /// <param name="fd">The file.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="length">Bytes, whole pages; all of them must be there.</param>
    /// <returns>A descriptor of exactly these bytes, whose size nobody can change; or −errno, −EIO where the file ends before.</returns>
    public static int Of(int fd, long offset, long length)
    {
        var result = MemoryMaps.CreateMemoryFile("mapped");
        if (result < 0)
            return result;
        var memory = new FileDescriptor(result);
        result = FileSpace.SetLength(memory.Value, length);
        if (result >= 0)
            result = MemoryMaps.SealSize(memory.Value);
        if (result >= 0)
            result = Fill(memory.Value, fd, offset, length);
        if (result >= 0)
            return memory.Release();
        memory.Dispose();
        return result;
    }

    static int Fill(int memory, int fd, long offset, long length)
    {
        // Nobody else has the memory file yet, so that nobody can cut it short under this mapping.
        var result = MemoryMaps.Map((nuint)length, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, memory, 0, out var address);
        if (result < 0)
            return result;
        for (var done = 0L; done < length;)
        {
            var count = FileIo.ReadAt(fd, address + done, (nuint)(length - done), offset + done);
            if (count <= 0)
            {
                result = count < 0 ? (int)count : -(int)Errno.EIO;
                break;
            }
            done += count;
        }
        _ = MemoryMaps.Unmap(address, (nuint)length);
        return result;
    }
}
