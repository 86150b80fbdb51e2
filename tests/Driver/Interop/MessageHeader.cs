using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Driver.Interop;

/// <summary>struct msghdr (sys/socket.h), 64-bit.</summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct MessageHeader
{
    public void* Name;
    public uint NameLength;
    public Iovec* Vectors;
    public nuint VectorCount;
    public byte* Control;
    public nuint ControlLength;
    public int Flags;
}
