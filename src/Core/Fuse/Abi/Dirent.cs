using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_dirent (linux/fuse.h), 24 bytes. A directory entry, followed by its name, padded to 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Dirent
{
    public ulong Ino;
    public ulong Offset;
    public uint NameLength;
    public uint Type;
}
