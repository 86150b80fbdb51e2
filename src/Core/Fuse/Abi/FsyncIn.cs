using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_fsync_in (linux/fuse.h), 16 bytes. FSYNC and FSYNCDIR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FsyncIn
{
    public ulong Handle;
    public uint FsyncFlags;
    public uint Padding;
}
