using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_setupmapping_in (linux/fuse.h), 40 bytes. SETUPMAPPING.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SetupMappingIn
{
    public ulong Handle;
    public ulong FileOffset;
    public ulong Length;
    public ulong Flags;
    public ulong WindowOffset;
}
