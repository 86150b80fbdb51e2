using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_rename2_in (linux/fuse.h), 16 bytes. RENAME2, followed by two names.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Rename2In
{
    public ulong NewDirectory;
    public uint Flags;
    public uint Padding;
}
