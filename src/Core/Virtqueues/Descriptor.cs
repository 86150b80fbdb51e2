using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>struct virtq_desc (virtio 1.3, 2.7.5): 16 bytes, little-endian.</summary>
[StructLayout(LayoutKind.Sequential)]
struct Descriptor
{
    public const ushort VIRTQ_DESC_F_NEXT = 1;
    public const ushort VIRTQ_DESC_F_WRITE = 2;
    public const ushort VIRTQ_DESC_F_INDIRECT = 4;

    public ulong Address;
    public uint Length;
    public ushort Flags;
    public ushort Next;

    public readonly bool HasNext => (Flags & VIRTQ_DESC_F_NEXT) != 0;

    public readonly bool IsWritable => (Flags & VIRTQ_DESC_F_WRITE) != 0;

    public readonly bool IsIndirect => (Flags & VIRTQ_DESC_F_INDIRECT) != 0;
}
