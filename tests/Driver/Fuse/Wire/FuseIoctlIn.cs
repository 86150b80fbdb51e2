using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>IOCTL; the data follow. struct fuse_ioctl_in (linux/fuse.h), 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseIoctlIn
{
    public ulong Fh;
    public uint Flags;
    public uint Command;
    public ulong Argument;
    public uint InSize;
    public uint OutSize;
}
