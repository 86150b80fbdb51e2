using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_release_in (linux/fuse.h), 24 bytes. RELEASE and RELEASEDIR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ReleaseIn
{
    public ulong Handle;
    public uint Flags;
    public uint ReleaseFlags;
    public ulong LockOwner;
}
