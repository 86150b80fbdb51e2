namespace VirtioFsStore.Core.Storage;

/// <summary>What a session must know of a file system to set its policy.</summary>
[Flags]
public enum FileSystemTraits
{
    None = 0,

    /// <summary>Nothing in it ever changes and it needs no open handles: NO_OPEN, unlimited caching, and requests may be replayed.</summary>
    Immutable = 1 << 0,

    /// <summary>Modifying operations answer EROFS.</summary>
    ReadOnly = 1 << 1,

    /// <summary>fcntl locks are seen by the host (FUSE_POSIX_LOCKS); otherwise they stay in the guest.</summary>
    PosixLocks = 1 << 2,

    /// <summary>flock locks are seen by the host (FUSE_FLOCK_LOCKS).</summary>
    Flock = 1 << 3,

    /// <summary>The same file may change outside this session.</summary>
    Shared = 1 << 4,

    /// <summary>Has extended attributes. Where nothing in a session has any, the guest is told once and stops asking.</summary>
    Xattrs = 1 << 5,

    /// <summary>Has POSIX ACLs, as the attributes system.posix_acl_access and system.posix_acl_default.</summary>
    PosixAcls = 1 << 6,

    /// <summary>Can give what it makes a security label from the beginning.</summary>
    SecurityLabels = 1 << 7,
}
