using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Virtqueues;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The memory in which requests in flight are recorded for a next back end, all queues' records in a row.</summary>
sealed unsafe class InflightArea : IDisposable
{
    readonly byte* _mapping;
    readonly nuint _mappedLength;
    readonly byte* _start;

    InflightArea(byte* mapping, nuint mappedLength, byte* start, int queues, ushort queueSize)
    {
        _mapping = mapping;
        _mappedLength = mappedLength;
        _start = start;
        Queues = queues;
        QueueSize = queueSize;
    }

    public int Queues { get; }

    public ushort QueueSize { get; }

    public static ulong Bytes(int queues, ushort queueSize) => (ulong)queues * InflightRecords.RegionBytes(queueSize);

    /// <summary>A new area in a memfd of its own, which the caller gets to send and close.</summary>
    public static InflightArea Create(int queues, ushort queueSize, out FileDescriptor file)
    {
        file = new FileDescriptor(SystemCallException.ThrowIfError(MemoryMaps.CreateMemoryFile("inflight"), "memfd_create"));
        try
        {
            var size = Bytes(queues, queueSize);
            SystemCallException.ThrowIfError(FileSpace.SetLength(file.Value, (long)size), "ftruncate", "inflight records");
            // Touching the mapping of a file that was made shorter would kill the process.
            SystemCallException.ThrowIfError(MemoryMaps.SealSize(file.Value), "fcntl", "inflight records");
            var area = Map(file.Value, size, 0, queues, queueSize);
            area.Clear();
            return area;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Maps what a VMM kept. The descriptor stays the caller's.</summary>
    /// <exception cref="VhostUserException">The sizes do not fit one another or the file.</exception>
    public static InflightArea Map(int fd, ulong size, ulong offset, int queues, ushort queueSize)
    {
        var end = offset + size;
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var shape), "statx", "inflight records");
        if (size < Bytes(queues, queueSize))
            throw VhostUserException.Refusal($"{size} bytes of inflight records are too few for {queues} queues of {queueSize} entries");
        if (end < offset || end > long.MaxValue || offset % 64 != 0 || (shape.IsRegular && end > (ulong)shape.Size))
            throw VhostUserException.Refusal($"inflight records from {offset} to {end} are not in a file of {shape.Size} bytes");
        var start = offset & ~((ulong)Environment.SystemPageSize - 1);
        var length = (nuint)(end - start);
        var result = MemoryMaps.Map(
            length, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, fd, (long)start, out var mapping);
        SystemCallException.ThrowIfError(result, "mmap", "inflight records");
        return new InflightArea(mapping, length, mapping + (offset - start), queues, queueSize);
    }

    /// <summary>The records of one queue; null if the area has none for it.</summary>
    public InflightRecords? For(int queue, ushort ringSize) =>
        queue < Queues && ringSize <= QueueSize
            ? new InflightRecords(_start + ((ulong)queue * InflightRecords.RegionBytes(QueueSize)), ringSize)
            : null;

    /// <summary>Forgets everything, as at a device reset.</summary>
    public void Clear()
    {
        for (var i = 0; i < Queues; i++)
            InflightRecords.Clear(_start + ((ulong)i * InflightRecords.RegionBytes(QueueSize)), QueueSize);
    }

    /// <summary>Only when no queue records here any more.</summary>
    public void Dispose() => _ = MemoryMaps.Unmap(_mapping, _mappedLength);
}
