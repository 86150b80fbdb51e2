using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_lseek_in (linux/fuse.h), 24 bytes. LSEEK.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct LseekIn
{
    public ulong Handle;
    public ulong Offset;
    public uint Whence;
    public uint Padding;
}
