using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_sx_time (linux/fuse.h), 16 bytes. A time in STATX.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatxTime
{
    public long Seconds;
    public uint Nanoseconds;
    public int Reserved;
}
