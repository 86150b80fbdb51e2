using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>SETXATTR where SETXATTR_EXT was agreed; name and value follow. struct fuse_setxattr_in (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseSetXattrIn
{
    public uint Size;
    public uint Flags;
    public uint SetXattrFlags;
    public uint Padding;
}
