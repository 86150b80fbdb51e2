using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>SETXATTR otherwise; name and value follow. struct fuse_setxattr_in, FUSE_COMPAT_SETXATTR_IN_SIZE (linux/fuse.h), 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseSetXattrInCompat
{
    public uint Size;
    public uint Flags;
}
