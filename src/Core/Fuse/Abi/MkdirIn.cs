using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_mkdir_in (linux/fuse.h), 8 bytes. MKDIR, followed by a name.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MkdirIn
{
    public uint Mode;
    public uint Umask;
}
