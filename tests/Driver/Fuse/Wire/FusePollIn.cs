using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>POLL. struct fuse_poll_in (linux/fuse.h), 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FusePollIn
{
    public ulong Fh;
    public ulong KernelHandle;
    public uint Flags;
    public uint Events;
}
