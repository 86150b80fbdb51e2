using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Queues;

/// <summary>struct virtq_desc (virtio 1.2, 2.7.5): 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Descriptor
{
    public ulong Address;
    public uint Length;
    public DescriptorFlags Flags;
    public ushort Next;
}
