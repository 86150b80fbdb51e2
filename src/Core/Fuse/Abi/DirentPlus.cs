using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_direntplus (linux/fuse.h), 152 bytes. A directory entry with its lookup, followed by its name, padded to 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct DirentPlus
{
    public EntryOut Entry;
    public Dirent Dirent;
}
