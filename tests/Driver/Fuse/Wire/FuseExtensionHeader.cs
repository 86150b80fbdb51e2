using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>Head of an extension: Size counts it and is a multiple of 8. struct fuse_ext_header (linux/fuse.h), 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseExtensionHeader
{
    public uint Size;
    public uint Type;
}
