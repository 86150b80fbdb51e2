using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>What a lookup found in the inode table, with one lookup counted.</summary>
struct InodeMatch
{
    public NodeId Node;
    public ulong Generation;
    public bool IsMountRoot;
}
