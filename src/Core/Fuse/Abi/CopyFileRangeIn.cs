using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>struct fuse_copy_file_range_in (linux/fuse.h), 56 bytes. COPY_FILE_RANGE and COPY_FILE_RANGE_64.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CopyFileRangeIn
{
    public ulong SourceHandle;
    public ulong SourceOffset;
    public ulong TargetNodeId;
    public ulong TargetHandle;
    public ulong TargetOffset;
    public ulong Length;
    public ulong Flags;
}
