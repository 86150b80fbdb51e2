using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_lseek_out (linux/fuse.h), 8 bytes. Reply to LSEEK.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct LseekOut
{
    public ulong Offset;
}
