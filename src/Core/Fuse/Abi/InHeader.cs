using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_in_header (linux/fuse.h), 40 bytes. What every request begins with.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct InHeader
{
    public uint Length;
    public uint Opcode;
    public ulong Unique;
    public ulong NodeId;
    public uint Uid;
    public uint Gid;
    public uint Pid;
    public ushort TotalExtensionLength;
    public ushort Padding;
}
