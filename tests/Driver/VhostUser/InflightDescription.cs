using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>"Inflight description": 24 bytes with the tail padding that C gives it, as QEMU and rust-vmm send it.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct InflightDescription
{
    public ulong MapSize;
    public ulong MapOffset;
    public ushort QueueCount;
    public ushort QueueSize;
}
