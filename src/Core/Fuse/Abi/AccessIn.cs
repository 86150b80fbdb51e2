using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_access_in (linux/fuse.h), 8 bytes. ACCESS.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct AccessIn
{
    public uint Mask;
    public uint Padding;
}
