using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_setxattr_in (linux/fuse.h), 16 bytes. SETXATTR with SETXATTR_EXT, followed by a name and the value.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SetXattrIn
{
    public uint Size;
    public uint Flags;
    public uint SetXattrFlags;
    public uint Padding;
}
