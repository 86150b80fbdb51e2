namespace VirtioFsStore.Driver.Memory;

/// <summary>A range of guest physical memory: what one descriptor names.</summary>
/// <param name="Address">Guest physical address.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct GuestSegment(ulong Address, uint Length);
