using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_forget_one (linux/fuse.h), 16 bytes. One element of a BATCH_FORGET.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ForgetOne
{
    public ulong NodeId;
    public ulong LookupCount;
}
