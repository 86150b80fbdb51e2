using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_getattr_in (linux/fuse.h), 16 bytes. GETATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GetAttrIn
{
    public uint Flags;
    public uint Dummy;
    public ulong Handle;
}
