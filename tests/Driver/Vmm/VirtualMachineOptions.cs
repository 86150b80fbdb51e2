using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>What the machine has and what its guest agrees to.</summary>
public sealed record VirtualMachineOptions
{
    public VmmProfile Profile { get; init; } = VmmProfile.Qemu11;

    public int RequestQueues { get; init; } = 1;

    /// <summary>hiprio and the request queues.</summary>
    public int QueueCount => RequestQueues + 1;

    public ushort QueueSize { get; init; } = 128;

    public bool Indirect { get; init; } = true;

    public bool EventIndex { get; init; } = true;

    /// <summary>Requests that one queue can have outstanding.</summary>
    public int Depth { get; init; } = 32;

    /// <summary>The most data one READ or WRITE carries, in bytes.</summary>
    public int DataCapacity { get; init; } = 128 << 10;

    /// <summary>Regions of guest memory, the buffers in the last; by default one that is as large as needed.</summary>
    public IReadOnlyList<MemoryLayout>? Memory { get; init; }

    /// <summary>Track requests in a shared area where the back-end offers it (cloud-hypervisor always does).</summary>
    public bool UseInflight { get; init; }

    /// <summary>Bytes of a window that the VMM makes by itself, for back-ends of the older dialect; with the newer one the back-end says it.</summary>
    public ulong OwnWindow { get; init; }

    /// <summary>The window refuses what QEMU 11.1 does beyond the specification.</summary>
    public bool WindowLikeQemu { get; init; }

    internal ulong MemoryNeeded =>
        (ulong)QueueCount * (FuseQueue.MemoryNeeded(Depth, DataCapacity) + (ulong)QueueSize * QueueSize * 16 + (64 << 10)) + (2 << 20) & ~0xFFFUL;
}
