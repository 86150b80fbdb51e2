using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>SETUPMAPPING. struct fuse_setupmapping_in (linux/fuse.h), 40 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseSetupMappingIn
{
    public ulong Fh;
    public ulong FileOffset;
    public ulong Length;
    public ulong Flags;
    public ulong WindowOffset;
}
