using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct file_handle (fcntl.h) with room for the longest.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct FileHandle
{
    public uint Length;
    public int Type;
    public fixed byte Bytes[FileHandles.MaxLength];
}
