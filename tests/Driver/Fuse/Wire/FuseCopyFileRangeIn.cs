using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>COPY_FILE_RANGE and COPY_FILE_RANGE_64. struct fuse_copy_file_range_in (linux/fuse.h), 56 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseCopyFileRangeIn
{
    public ulong FhIn;
    public ulong OffsetIn;
    public ulong NodeIdOut;
    public ulong FhOut;
    public ulong OffsetOut;
    public ulong Length;
    public ulong Flags;
}
