using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>"Single memory region description".</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SingleMemoryRegion
{
    public ulong Padding;
    public MemoryRegion Region;
}
