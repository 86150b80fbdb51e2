using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_rename_in (linux/fuse.h), 8 bytes. RENAME, followed by two names.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct RenameIn
{
    public ulong NewDirectory;
}
