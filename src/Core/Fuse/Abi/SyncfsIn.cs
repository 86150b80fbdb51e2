using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_syncfs_in (linux/fuse.h), 8 bytes. SYNCFS.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SyncfsIn
{
    public ulong Padding;
}
