using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_flush_in (linux/fuse.h), 24 bytes. FLUSH.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FlushIn
{
    public ulong Handle;
    public uint Unused;
    public uint Padding;
    public ulong LockOwner;
}
