using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct z_stream_s (zlib.h) where long has 64 bits: 112 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ZlibStream
{
    public byte* NextIn;
    public uint AvailableIn;
    public nuint TotalIn;
    public byte* NextOut;
    public uint AvailableOut;
    public nuint TotalOut;
    public byte* Message;
    public void* State;
    public void* Allocate;
    public void* Free;
    public void* Opaque;
    public int DataType;
    public nuint Adler;
    public nuint Reserved;
}
