using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_open_out (linux/fuse.h), 16 bytes. An open file.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OpenOut
{
    public ulong Handle;
    public uint OpenFlags;
    public int BackingId;
}
