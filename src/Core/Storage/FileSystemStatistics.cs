namespace VirtioFsStore.Core.Storage;

/// <summary>What statfs(2) tells; blocks are of <see cref="FragmentSize"/> bytes.</summary>
public struct FileSystemStatistics
{
    public ulong Blocks;
    public ulong BlocksFree;
    public ulong BlocksAvailable;
    public ulong Files;
    public ulong FilesFree;
    public uint BlockSize;
    public uint NameLength;
    public uint FragmentSize;
}
