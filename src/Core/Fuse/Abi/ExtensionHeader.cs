using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_ext_header (linux/fuse.h), 8 bytes. Head of an extension at the end of a request; the size includes it.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ExtensionHeader
{
    public uint Size;
    public uint Type;
}
