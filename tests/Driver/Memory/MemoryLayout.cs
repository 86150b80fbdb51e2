namespace VirtioFsStore.Driver.Memory;

/// <summary>Where a region of guest memory is to lie.</summary>
/// <param name="GuestAddress">Guest physical address.</param>
/// <param name="Size">Bytes, whole pages.</param>
/// <param name="FileOffset">Where the region starts in its memfd.</param>
public readonly record struct MemoryLayout(ulong GuestAddress, ulong Size, ulong FileOffset = 0)
{
    /// <summary>One region from 0, as small VMs have it.</summary>
    public static MemoryLayout[] Flat(ulong size) => [new(0, size)];

    /// <summary>Two regions with the PCI hole of a PC between them, the second at 4 GiB and at an offset in its file.</summary>
    public static MemoryLayout[] WithHole(ulong lowSize, ulong highSize) => [new(0, lowSize), new(1UL << 32, highSize, 2 << 20)];
}
