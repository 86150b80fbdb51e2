using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct timespec of 64-bit Linux: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Timespec(long seconds, long nanoseconds)
{
    public long Seconds = seconds;
    public long Nanoseconds = nanoseconds;
}
