using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_getxattr_in (linux/fuse.h), 8 bytes. GETXATTR (followed by a name) and LISTXATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GetXattrIn
{
    public uint Size;
    public uint Padding;
}
