using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_write_in (linux/fuse.h), 40 bytes. WRITE, followed by the data.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WriteIn
{
    public ulong Handle;
    public ulong Offset;
    public uint Size;
    public uint WriteFlags;
    public ulong LockOwner;
    public uint Flags;
    public uint Padding;
}
