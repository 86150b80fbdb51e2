using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>ZSTD_inBuffer and ZSTD_outBuffer (zstd.h), which have one shape.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ZstdBuffer(byte* data, nuint size)
{
    public byte* Data = data;
    public nuint Size = size;
    public nuint Position;
}
