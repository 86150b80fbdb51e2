using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_statfs_out (linux/fuse.h), 80 bytes. Reply to STATFS (struct fuse_kstatfs).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatfsOut
{
    public ulong Blocks;
    public ulong Bfree;
    public ulong Bavail;
    public ulong Files;
    public ulong Ffree;
    public uint Bsize;
    public uint Namelen;
    public uint Frsize;
    public uint Padding;
    public ulong Spare0;
    public ulong Spare1;
    public ulong Spare2;
}
