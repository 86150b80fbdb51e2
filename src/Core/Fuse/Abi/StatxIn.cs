using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_statx_in (linux/fuse.h), 24 bytes. STATX.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatxIn
{
    public uint GetAttrFlags;
    public uint Reserved;
    public ulong Handle;
    public uint StatxFlags;
    public uint StatxMask;
}
