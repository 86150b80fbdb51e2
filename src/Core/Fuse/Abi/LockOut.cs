using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_lk_out (linux/fuse.h), 24 bytes. Reply to GETLK (struct fuse_file_lock).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct LockOut
{
    public ulong Start;
    public ulong End;
    public uint Type;
    public uint Pid;
}
