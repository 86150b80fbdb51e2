using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_copy_file_range_out (linux/fuse.h), 8 bytes. Reply to COPY_FILE_RANGE_64.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CopyFileRangeOut
{
    public ulong BytesCopied;
}
