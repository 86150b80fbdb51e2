using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_statx_out (linux/fuse.h), 288 bytes. Reply to STATX.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatxOut
{
    public ulong AttrValid;
    public uint AttrValidNsec;
    public uint Flags;
    public ulong Spare0;
    public ulong Spare1;
    public StatxBody Stat;
}
