using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>REMOVEMAPPING; Count times FuseRemoveMappingOne follow. struct fuse_removemapping_in (linux/fuse.h), 4 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseRemoveMappingIn
{
    public uint Count;
}
