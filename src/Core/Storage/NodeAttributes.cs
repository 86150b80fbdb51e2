namespace VirtioFsStore.Core.Storage;

/// <summary>What stat(2) and statx(2) tell of an inode.</summary>
public struct NodeAttributes
{
    /// <summary>Unique within its file system and at most <see cref="NodeId.MaxValue"/>; the router makes it unique in the session.</summary>
    public ulong Ino;

    /// <summary>Bytes.</summary>
    public ulong Size;

    /// <summary>Units of 512 bytes.</summary>
    public ulong Blocks;

    public Timestamp AccessTime;
    public Timestamp ModifyTime;
    public Timestamp ChangeTime;

    /// <summary>Valid where <see cref="HasBirthTime"/>.</summary>
    public Timestamp BirthTime;

    /// <summary>Type and permissions: <see cref="StatMode"/>.</summary>
    public uint Mode;

    public uint LinkCount;
    public uint Uid;
    public uint Gid;

    public uint DeviceMajor;
    public uint DeviceMinor;

    /// <summary>Preferred size of an I/O in bytes.</summary>
    public uint BlockSize;

    /// <summary>FUSE_ATTR_* for this node.</summary>
    public NodeAttributeFlags Flags;

    public bool HasBirthTime;
}
