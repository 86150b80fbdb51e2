using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_batch_forget_in (linux/fuse.h), 8 bytes. Head of a BATCH_FORGET.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct BatchForgetIn
{
    public uint Count;
    public uint Dummy;
}
