using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>SYNCFS. struct fuse_syncfs_in (linux/fuse.h), 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseSyncfsIn
{
    public ulong Padding;
}
