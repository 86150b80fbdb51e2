namespace VirtioFsStore.Core.Fuse;

/// <summary>
/// Operations that the session answers with ENOSYS itself. The kernel remembers that answer for the whole connection, so it is given
/// only where no file system of the session could want the operation.
/// </summary>
[Flags]
enum SessionPolicy
{
    None = 0,

    /// <summary>OPEN, OPENDIR and FLUSH: one immutable file system is the whole session, and needs no handles.</summary>
    NoOpen = 1 << 0,

    /// <summary>The xattr operations: the only file system has none.</summary>
    NoXattr = 1 << 1,
}
