using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_lk_in (linux/fuse.h), 48 bytes. GETLK, SETLK and SETLKW.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct LockIn
{
    public ulong Handle;
    public ulong Owner;
    public ulong Start;
    public ulong End;
    public uint Type;
    public uint Pid;
    public uint LockFlags;
    public uint Padding;
}
