using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_forget_in (linux/fuse.h), 8 bytes. Lookups given back.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ForgetIn
{
    public ulong LookupCount;
}
