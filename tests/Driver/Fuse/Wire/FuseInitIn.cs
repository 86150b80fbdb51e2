using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>INIT; only the first 16 bytes where INIT_EXT is not set. struct fuse_init_in (linux/fuse.h), 64 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseInitIn
{
    public uint Major;
    public uint Minor;
    public uint MaxReadahead;
    public uint Flags;
    public uint Flags2;
    public uint Unused0;
    public uint Unused1;
    public uint Unused2;
    public uint Unused3;
    public uint Unused4;
    public uint Unused5;
    public uint Unused6;
    public uint Unused7;
    public uint Unused8;
    public uint Unused9;
    public uint Unused10;
}
