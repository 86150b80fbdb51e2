using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>A region in "Memory regions description".</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MemoryRegion
{
    public ulong GuestAddress;
    public ulong Size;
    public ulong UserAddress;
    public ulong MapOffset;
}
