using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>GETATTR. struct fuse_getattr_in (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseGetAttrIn
{
    public uint Flags;
    public uint Dummy;
    public ulong Fh;
}
