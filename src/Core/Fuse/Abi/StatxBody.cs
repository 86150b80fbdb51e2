using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_statx (linux/fuse.h), 256 bytes. Attributes in STATX.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatxBody
{
    public uint Mask;
    public uint Blksize;
    public ulong Attributes;
    public uint Nlink;
    public uint Uid;
    public uint Gid;
    public ushort Mode;
    public ushort Spare0;
    public ulong Ino;
    public ulong Size;
    public ulong Blocks;
    public ulong AttributesMask;
    public StatxTime Atime;
    public StatxTime Btime;
    public StatxTime Ctime;
    public StatxTime Mtime;
    public uint RdevMajor;
    public uint RdevMinor;
    public uint DevMajor;
    public uint DevMinor;
    public StatxSpare Spare;
}
