namespace VirtioFsStore.Core.Memory;

/// <summary>One region of guest memory as a VMM describes it (vhost-user, "Memory region description"). All in bytes.</summary>
/// <param name="GuestAddress">Guest-physical: what descriptors hold.</param>
/// <param name="UserAddress">In the VMM's own address space: what ring addresses are given in.</param>
/// <param name="FileOffset">Where the region starts in the descriptor that came with it.</param>
public readonly record struct MemoryRegionInfo(ulong GuestAddress, ulong Size, ulong UserAddress, ulong FileOffset);
