using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_fallocate_in (linux/fuse.h), 32 bytes. FALLOCATE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FallocateIn
{
    public ulong Handle;
    public ulong Offset;
    public ulong Length;
    public uint Mode;
    public uint Padding;
}
