using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_link_in (linux/fuse.h), 8 bytes. LINK, followed by a name.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct LinkIn
{
    public ulong OldNodeId;
}
