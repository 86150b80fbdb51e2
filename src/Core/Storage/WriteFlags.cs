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
}
