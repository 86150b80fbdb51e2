using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>BMAP. struct fuse_bmap_in (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseBmapIn
{
    public ulong Block;
    public uint BlockSize;
    public uint Padding;
}
