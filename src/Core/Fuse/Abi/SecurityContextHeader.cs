using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_secctx (linux/fuse.h), 8 bytes. Followed by an attribute's name, its NUL and a value of that size, padded to 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SecurityContextHeader
{
    public uint Size;
    public uint Padding;
}
