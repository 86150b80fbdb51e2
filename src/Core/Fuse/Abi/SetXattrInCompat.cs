using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_setxattr_in, FUSE_COMPAT_SETXATTR_IN_SIZE (linux/fuse.h), 8 bytes. SETXATTR without SETXATTR_EXT, followed by a name and the value.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SetXattrInCompat
{
    public uint Size;
    public uint Flags;
}
