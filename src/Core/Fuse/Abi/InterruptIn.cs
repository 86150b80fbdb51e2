using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_interrupt_in (linux/fuse.h), 8 bytes. INTERRUPT.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct InterruptIn
{
    public ulong Unique;
}
