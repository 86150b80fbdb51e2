using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>GETLK, SETLK and SETLKW. struct fuse_lk_in (linux/fuse.h), 48 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseLkIn
{
    public ulong Fh;
    public ulong Owner;
    public FuseFileLock Lock;
    public uint Flags;
    public uint Padding;
}
