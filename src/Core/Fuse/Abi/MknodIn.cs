using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_mknod_in (linux/fuse.h), 16 bytes. MKNOD, followed by a name.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MknodIn
{
    public uint Mode;
    public uint Rdev;
    public uint Umask;
    public uint Padding;
}
