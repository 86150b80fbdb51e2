using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_init_in (linux/fuse.h), 64 bytes. INIT since 7.36; older minors send the first 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct InitIn
{
    public uint Major;
    public uint Minor;
    public uint MaxReadahead;
    public uint Flags;
    public uint Flags2;
    public uint Unused0;
    public ulong Unused1;
    public ulong Unused2;
    public ulong Unused3;
    public ulong Unused4;
    public ulong Unused5;
}
