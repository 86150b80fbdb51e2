using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_getxattr_out (linux/fuse.h), 8 bytes. The size that a GETXATTR or LISTXATTR of size 0 asked for.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GetXattrOut
{
    public uint Size;
    public uint Padding;
}
