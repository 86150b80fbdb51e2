using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>
/// The shared area in which a back-end notes the requests it has taken and not answered, as the VMM keeps it between two
/// back-ends (vhost-user, "Inflight I/O tracking", split virtqueue).
/// </summary>
public sealed unsafe class InflightArea : IDisposable
{
    const int RegionHeaderSize = 16;
    const int DescriptorStateSize = 16;

    readonly FileDescriptor _file;
    readonly ulong _regionSize;
    byte* _area;

    public InflightArea(FileDescriptor file, ulong size, ulong offset, ushort queueCount, ushort queueSize)
    {
        _file = file;
        Size = size;
        Offset = offset;
        QueueCount = queueCount;
        QueueSize = queueSize;
        _regionSize = size / queueCount;
        if (_regionSize < (ulong)(RegionHeaderSize + queueSize * DescriptorStateSize))
            throw new VhostUserProtocolException($"An inflight area of {size} bytes cannot hold {queueCount} queues of {queueSize}.");
        _area = Native.Map(file.Value, (long)offset, (nuint)size);
    }

    public int Fd => _file.Value;

    public ulong Size { get; }

    public ulong Offset { get; }

    public ushort QueueCount { get; }

    public ushort QueueSize { get; }

    /// <summary>1 once the back-end has set the region up.</summary>
    public ushort Version(int queue) => Unsafe.ReadUnaligned<ushort>(Region(queue) + 8);

    public ushort DescriptorCount(int queue) => Unsafe.ReadUnaligned<ushort>(Region(queue) + 10);

    /// <summary>Heads that are in flight, in the order in which they were taken.</summary>
    public List<ushort> Heads(int queue)
    {
        var heads = new List<(ulong Counter, ushort Head)>();
        for (ushort head = 0; head < QueueSize; head++)
        {
            var state = Region(queue) + RegionHeaderSize + head * DescriptorStateSize;
            if (Volatile.Read(ref *state) != 0)
                heads.Add((Unsafe.ReadUnaligned<ulong>(state + 8), head));
        }
        return [.. heads.Order().Select(entry => entry.Head)];
    }

    /// <summary>The bytes themselves, to make them wrong.</summary>
    public Span<byte> Raw => new(_area, (int)Size);

    public void Dispose()
    {
        if (_area is null)
            return;
        Native.Unmap(_area, (nuint)Size);
        _area = null;
        _file.Dispose();
    }

    byte* Region(int queue) => _area + (ulong)queue * _regionSize;
}
