using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>Reply of STATFS. struct fuse_statfs_out (linux/fuse.h), 80 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseStatfsOut
{
    public ulong Blocks;
    public ulong BlocksFree;
    public ulong BlocksAvailable;
    public ulong Files;
    public ulong FilesFree;
    public uint BlockSize;
    public uint NameLength;
    public uint FragmentSize;
    public uint Padding;
    public ulong Spare0;
    public ulong Spare1;
    public ulong Spare2;
}
