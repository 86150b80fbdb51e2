using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_create_in (linux/fuse.h), 16 bytes. CREATE and TMPFILE, followed by a name.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CreateIn
{
    public uint Flags;
    public uint Mode;
    public uint Umask;
    public uint OpenFlags;
}
