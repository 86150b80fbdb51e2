using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_out_header (linux/fuse.h), 16 bytes. What every reply begins with; the error is negated.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OutHeader
{
    public uint Length;
    public int Error;
    public ulong Unique;
}
