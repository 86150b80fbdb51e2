using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>MKNOD; the name follows. struct fuse_mknod_in (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseMknodIn
{
    public uint Mode;
    public uint Rdev;
    public uint Umask;
    public uint Padding;
}
