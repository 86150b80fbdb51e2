using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local;

/// <summary>How a host directory, or a single regular file, is served.</summary>
public sealed record LocalOptions
{
    /// <summary>The directory or file. Resolved once, at the start; afterwards everything goes by descriptor.</summary>
    public required string Path { get; init; }

    /// <summary>The directory, opened already (O_PATH is enough); the file system's own from then on. <see cref="Path"/> then serves for messages alone.</summary>
    public FileDescriptor? Root { get; init; }

    /// <summary>There will be no /proc under the process's root while this is served: its working directory is /proc/self/fd instead.</summary>
    public bool Chrooted { get; init; }

    public CacheMode Cache { get; init; } = CacheMode.Auto;

    /// <summary>Everything that would change the share answers EROFS.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Extended attributes; without them EOPNOTSUPP. ACLs are among them for requests of sessions that obey those.</summary>
    public bool Xattr { get; init; }

    /// <summary>How names of extended attributes are translated; null: they are the same on both sides.</summary>
    public XattrMap? XattrMap { get; init; }

    /// <summary>User ids of callers, of what is shown and of what is set; null: they are the same on both sides. An ACL's are not translated.</summary>
    public IdTranslation? Users { get; init; }

    /// <summary>As <see cref="Users"/>, for groups.</summary>
    public IdTranslation? Groups { get; init; }

    /// <summary>The session agrees WRITEBACK_CACHE: files are opened so that the guest's page cache can read what it partly overwrites.</summary>
    public bool Writeback { get; init; }

    /// <summary>fcntl locks are taken on the host too.</summary>
    public bool PosixLocks { get; init; }

    /// <summary>flock locks are taken on the host too.</summary>
    public bool Flock { get; init; }

    /// <summary>Passes O_NOATIME on; otherwise it is dropped, since only a file's owner may use it.</summary>
    public bool PreserveNoAtime { get; init; }

    /// <summary>Passes O_DIRECT on; otherwise it is dropped.</summary>
    public bool AllowDirectIo { get; init; }

    /// <summary>Marks directories where another host file system is mounted, so that the guest gives them a device number of their own.</summary>
    public bool AnnounceSubmounts { get; init; } = true;

    /// <summary>The session agrees HANDLE_KILLPRIV_V2: setuid and setgid are cleared here, also where a request cannot say so (fallocate, copy_file_range).</summary>
    public bool KillPrivileges { get; init; }

    /// <summary>From how many bytes on a file of whole pages is shown as one to map, to guests that leave the choice to this side.</summary>
    public ulong DaxMinimum { get; init; } = ulong.MaxValue;

    /// <summary>Guests that leave the choice to this side are told to map files of whole pages also where they may write to them.</summary>
    public bool DaxWritable { get; init; }

    public FileHandleMode FileHandles { get; init; } = FileHandleMode.Prefer;

    /// <summary>The most descriptors kept open for inodes; null: three quarters of <see cref="Descriptors"/>.</summary>
    public int? MaxInodeDescriptors { get; init; }

    /// <summary>Shared by all file systems of a process; null: made from RLIMIT_NOFILE.</summary>
    public DescriptorBudget? Descriptors { get; init; }
}
