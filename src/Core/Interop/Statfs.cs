using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct statfs of 64-bit Linux (asm-generic/statfs.h): 120 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
public struct Statfs
{
    public long Type;
    public long BlockSize;
    public ulong Blocks;
    public ulong BlocksFree;
    public ulong BlocksAvailable;
    public ulong Files;
    public ulong FilesFree;
    public ulong FileSystemId;
    public long NameLength;
    public long FragmentSize;
    public long Flags;
}
