namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>Numbers of linux/fuse.h that are not flags of INIT.</summary>
public static class Protocol
{
    public const uint Major = 7;

    /// <summary>What Linux 7.2 speaks.</summary>
    public const uint Minor = 45;

    /// <summary>Linux 5.4, the first kernel with virtio-fs.</summary>
    public const uint OldestMinor = 31;

    /// <summary>From here on the header says how long the extensions behind a body are.</summary>
    public const uint FirstMinorWithExtensions = 38;

    public const uint FUSE_GETATTR_FH = 1 << 0;
    public const uint FUSE_OPEN_KILL_SUIDGID = 1 << 0;
    public const uint FUSE_RELEASE_FLUSH = 1 << 0;
    public const uint FUSE_RELEASE_FLOCK_UNLOCK = 1 << 1;
    public const uint FUSE_LK_FLOCK = 1 << 0;
    public const uint FUSE_FSYNC_FDATASYNC = 1 << 0;
    public const uint FUSE_SETXATTR_ACL_KILL_SGID = 1 << 0;
    public const ulong FUSE_SETUPMAPPING_FLAG_WRITE = 1 << 0;
    public const ulong FUSE_SETUPMAPPING_FLAG_READ = 1 << 1;

    /// <summary>Extensions of lower types are security contexts, counted by their type.</summary>
    public const uint FUSE_EXT_GROUPS = 32;

    /// <summary>FUSE_DIRENT_ALIGN: entries of a listing begin at multiples of 8 bytes.</summary>
    public static int AlignDirent(int length) => (length + 7) & ~7;
}
