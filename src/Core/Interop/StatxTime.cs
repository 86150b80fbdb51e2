using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct statx_timestamp (linux/stat.h): 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public struct StatxTime
{
    public long Seconds;
    public uint Nanoseconds;
}
