using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>Head of every reply; Error is 0 or −errno. struct fuse_out_header (linux/fuse.h), 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseOutHeader
{
    public uint Length;
    public int Error;
    public ulong Unique;
}
