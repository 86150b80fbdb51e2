using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>INTERRUPT. struct fuse_interrupt_in (linux/fuse.h), 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseInterruptIn
{
    public ulong Unique;
}
