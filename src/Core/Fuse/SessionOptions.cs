namespace VirtioFsStore.Core.Fuse;

/// <summary>What the person who started the daemon chose for a session; INIT agrees it with what the guest offers.</summary>
public sealed record SessionOptions
{
    /// <summary>Bytes; the guest also bounds it by its queue's size. 1 MiB is what 256 pages of 4 KiB make.</summary>
    public uint MaxWrite { get; init; } = 1 << 20;

    /// <summary>How long a request may wait for the network, a slow disk or a lock.</summary>
    public TimeSpan IoTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// The peer's kernel sends INTERRUPT: a lock is waited for as long as its process wants it. On virtio-fs Linux never sends one, and
    /// <see cref="IoTimeout"/> bounds locks as well.
    /// </summary>
    public bool Interruptible { get; init; }

    /// <summary>Idmapped mounts. Linux refuses a session that agrees to them where it does not check permissions itself (default_permissions, which virtio-fs always has).</summary>
    public bool AllowIdmap { get; init; } = true;

    /// <summary>Listings bring attributes along: the guest chooses by what it sees being used.</summary>
    public bool ReadDirPlus { get; init; } = true;

    /// <summary>The guest's page cache collects writes.</summary>
    public bool Writeback { get; init; }

    /// <summary>The file system clears setuid, setgid and capabilities on writes: saves the guest a GETXATTR before each.</summary>
    public bool KillPrivilegesV2 { get; init; }

    /// <summary>POSIX_ACL: the guest's kernel obeys the ACLs that file systems show it, and leaves the umask to them.</summary>
    public FeatureMode PosixAcl { get; init; }

    /// <summary>SECURITY_CTX: what the guest creates comes with the labels of its security modules.</summary>
    public FeatureMode SecurityLabels { get; init; }

    /// <summary>POSIX_LOCKS also where nothing that has such locks is mounted below a pseudo root yet.</summary>
    public bool PosixLocks { get; init; }

    /// <summary>As <see cref="PosixLocks"/>: FLOCK_LOCKS.</summary>
    public bool Flock { get; init; }

    /// <summary>Shared mmap of files with direct I/O.</summary>
    public bool DirectIoAllowMmap { get; init; }

    /// <summary>Host file systems below the share are announced to the guest as mounts of their own.</summary>
    public bool AnnounceSubmounts { get; init; }
}
