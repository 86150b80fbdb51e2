using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>Head of every request; Length counts it and all that follows, ExtensionLength is in units of 8 bytes. struct fuse_in_header (linux/fuse.h), 40 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseInHeader
{
    public uint Length;
    public uint Opcode;
    public ulong Unique;
    public ulong NodeId;
    public uint Uid;
    public uint Gid;
    public uint Pid;
    public ushort ExtensionLength;
    public ushort Padding;
}
