using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_removemapping_in (linux/fuse.h), 4 bytes. Head of a REMOVEMAPPING.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct RemoveMappingIn
{
    public uint Count;
}
