using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>Reply of STATX. struct fuse_statx_out (linux/fuse.h), 288 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseStatxOut
{
    public ulong AttrValid;
    public uint AttrValidNsec;
    public uint Flags;
    public ulong Spare0;
    public ulong Spare1;
    public FuseStatx Stat;
}
