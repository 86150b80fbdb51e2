using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>A time of STATX. struct fuse_sx_time (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseStatxTime
{
    public long Seconds;
    public uint Nanoseconds;
    public int Reserved;
}
