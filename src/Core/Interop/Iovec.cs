using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct iovec (sys/uio.h): 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct Iovec(byte* @base, nuint length)
{
    public byte* Base = @base;
    public nuint Length = length;
}
