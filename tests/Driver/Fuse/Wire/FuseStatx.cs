using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>What STATX tells. struct fuse_statx (linux/fuse.h), 256 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseStatx
{
    public uint Mask;
    public uint BlockSize;
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
    public FuseStatxTime Atime;
    public FuseStatxTime Btime;
    public FuseStatxTime Ctime;
    public FuseStatxTime Mtime;
    public uint RdevMajor;
    public uint RdevMinor;
    public uint DevMajor;
    public uint DevMinor;
    public FuseStatxSpare Spare2;
}
