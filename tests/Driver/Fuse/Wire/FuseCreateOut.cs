using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>Reply of CREATE and TMPFILE. struct fuse_entry_out and fuse_open_out (linux/fuse.h), 144 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseCreateOut
{
    public FuseEntryOut Entry;
    public FuseOpenOut Open;
}
