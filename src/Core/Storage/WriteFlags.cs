namespace VirtioFsStore.Core.Storage;

/// <summary>FUSE_WRITE_* (linux/fuse.h).</summary>
[Flags]
public enum WriteFlags : uint
{
    None = 0,

    /// <summary>The guest's page cache writes back: the caller named is not the one who wrote.</summary>
    Cache = 1 << 0,

    LockOwner = 1 << 1,
    KillSuidGid = 1 << 2,

    /// <summary>
    /// Not on the wire: the guest's description has O_APPEND at this moment (fuse_write_in.flags; fcntl may have changed it since OPEN).
    /// </summary>
    Append = 1u << 31,
}
