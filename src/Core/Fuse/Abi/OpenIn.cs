using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_open_in (linux/fuse.h), 8 bytes. OPEN and OPENDIR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OpenIn
{
    public uint Flags;
    public uint OpenFlags;
}
