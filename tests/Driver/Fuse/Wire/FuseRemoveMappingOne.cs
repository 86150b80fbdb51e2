using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>One range of REMOVEMAPPING. struct fuse_removemapping_one (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseRemoveMappingOne
{
    public ulong WindowOffset;
    public ulong Length;
}
