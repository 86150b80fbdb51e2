using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>STATX. struct fuse_statx_in (linux/fuse.h), 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseStatxIn
{
    public uint GetAttrFlags;
    public uint Reserved;
    public ulong Fh;
    public uint Flags;
    public uint Mask;
}
