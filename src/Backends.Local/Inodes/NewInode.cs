using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>An inode on the host that may become a slot: all of it was read from one descriptor, so it is one file.</summary>
unsafe ref struct NewInode
{
    public ulong Ino;
    public long Birth;
    public byte Type;
    public bool IsMountRoot;

    /// <summary>The caller holds a reference to it, which a new slot takes over.</summary>
    public ushort Mount;

    /// <summary>Null: there is none.</summary>
    public FileHandle* Handle;

    /// <summary>An O_PATH descriptor for the slot, or −1 to open it by handle when it is needed.</summary>
    public int Fd;

    /// <summary>Its reservation in the descriptor cache; −1: a pinned one.</summary>
    public int CachePosition;
}
