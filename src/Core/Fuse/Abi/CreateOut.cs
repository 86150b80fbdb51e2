using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_entry_out and struct fuse_open_out (linux/fuse.h), 144 bytes. Reply to CREATE and TMPFILE: an entry and an open file.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CreateOut
{
    public EntryOut Entry;
    public OpenOut Open;
}
