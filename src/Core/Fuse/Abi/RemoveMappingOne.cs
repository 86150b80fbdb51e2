using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_removemapping_one (linux/fuse.h), 16 bytes. One element of a REMOVEMAPPING.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct RemoveMappingOne
{
    public ulong WindowOffset;
    public ulong Length;
}
