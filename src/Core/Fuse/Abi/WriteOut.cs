using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_write_out (linux/fuse.h), 8 bytes. Bytes written, also for COPY_FILE_RANGE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WriteOut
{
    public uint Size;
    public uint Padding;
}
