using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>Body of SHMEM_MAP and SHMEM_UNMAP.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SharedMemoryMapping
{
    public const ulong Writable = 1;

    /// <summary>The region in the low byte, padding above.</summary>
    public ulong RegionId;
    public ulong FileOffset;
    public ulong RegionOffset;
    public ulong Length;
    public ulong Flags;
}
