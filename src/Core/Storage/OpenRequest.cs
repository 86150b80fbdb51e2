namespace VirtioFsStore.Core.Storage;

/// <summary>How a file or directory is to be opened.</summary>
public struct OpenRequest
{
    /// <summary>O_* as the guest sent them; guest and host are of one architecture.</summary>
    public int Flags;

    /// <summary>Permissions of a file that is created; 0 otherwise.</summary>
    public uint Mode;

    /// <summary>The caller's umask, to be applied unless a default ACL replaces it. 0 when the kernel already applied it.</summary>
    public uint Umask;

    /// <summary>FUSE_OPEN_KILL_SUIDGID: clear setuid and setgid while truncating.</summary>
    public bool KillSuidGid;
}
