using VirtioFsStore.Backends.Local.Handles;
using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

/// <summary>
/// A host directory or regular file, passed through. Every operation starts from a descriptor: a name is one component looked up beneath a
/// directory's descriptor without following links, so that nothing outside the share can be reached whatever is renamed or
/// replaced meanwhile; only regular files and directories are ever opened for more than O_PATH.
/// </summary>
/// <remarks>
/// All of it runs on the calling thread and completes at once, but for waiting for a lock. System calls beyond reading and writing that a sandbox must
/// allow: unshare(CLONE_FS), setresuid, setresgid, setgroups, capset, open_by_handle_at; /proc must be mounted.
/// </remarks>
public sealed unsafe partial class LocalFileSystem : IFileSystem, IMappable
{
    const uint StatusMask = FileStatus.STATX_BASIC_STATS | FileStatus.STATX_BTIME | FileStatus.STATX_MNT_ID;
    const int LookupFlags = Descriptors.AT_SYMLINK_NOFOLLOW | FileStatus.AT_NO_AUTOMOUNT;

    readonly LocalOptions _options;
    readonly DescriptorBudget _budget;
    readonly CallerIdentity _identity;
    readonly InodeNumbers _numbers = new();
    readonly MountTable _mounts;
    readonly InodeTable _inodes;
    readonly HandleTable _handles;
    readonly LockTable _locks;
    readonly InodeXattrs _xattrs;
    readonly Func<int, bool, int> _openForLocks;
    readonly FileDescriptor _descriptorDirectory;
    readonly FileDescriptor _root;
    readonly Validity _validity;
    readonly byte[]? _remappedCapability;
    readonly bool _hasAcls;
    readonly bool _hasLabels;

    LocalFileSystem(LocalOptions options, FileDescriptor descriptorDirectory, FileDescriptor root)
    {
        _options = options;
        _descriptorDirectory = descriptorDirectory;
        _root = root;
        _budget = options.Descriptors ?? DescriptorBudget.FromResourceLimit();
        _identity = new CallerIdentity(options.Users, options.Groups);
        _mounts = new MountTable(_numbers, options.FileHandles, descriptorDirectory.Value);
        _inodes = new InodeTable(_mounts, _budget, options.MaxInodeDescriptors ?? _budget.Limit / 4 * 3);
        _handles = new HandleTable(_budget);
        _locks = new LockTable(_budget);
        _xattrs = new InodeXattrs(descriptorDirectory.Value, InodeXattrs.NeedsPath(descriptorDirectory.Value, root.Value), options.Chrooted);
        _remappedCapability = RemappedCapability(options.XattrMap);
        _hasAcls = options.Xattr && HasAcls(root.Value);
        _hasLabels = options.Xattr && HasLabels(root.Value, _identity.CanLabel);
        _openForLocks = OpenForLocks;
        _validity = options.Cache switch
        {
            CacheMode.Never => Validity.None,
            CacheMode.Auto => new Validity(1),
            _ => new Validity(86_400),
        };
    }

    public FileSystemTraits Traits =>
        FileSystemTraits.Shared
        | (_options.Xattr ? FileSystemTraits.Xattrs : 0)
        | (_hasAcls ? FileSystemTraits.PosixAcls : 0)
        | (_hasLabels ? FileSystemTraits.SecurityLabels : 0)
        | (_options.ReadOnly ? FileSystemTraits.ReadOnly : 0)
        | (_options.PosixLocks ? FileSystemTraits.PosixLocks : 0)
        | (_options.Flock ? FileSystemTraits.Flock : 0);

    /// <summary>Whether the share's inodes are kept as file handles, so that any number of them needs few descriptors.</summary>
    public bool UsesFileHandles => _mounts[0].UsesHandles;

    /// <summary>Inodes the guest knows, the root included.</summary>
    public int InodeCount => _inodes.Count;

    /// <summary>Descriptors held for inodes, without the root's.</summary>
    public int InodeDescriptorCount => _inodes.Cache.Count;

    /// <summary>Files and directories the guest has open.</summary>
    public int OpenHandleCount => _handles.Count;

    /// <summary>Opens the share.</summary>
    /// <exception cref="SystemCallException">It cannot be opened, is neither a directory nor a regular file, or file handles are mandatory and not to be had.</exception>
    public static LocalFileSystem Open(LocalOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var descriptorDirectory = new FileDescriptor(SystemCallException.ThrowIfError(
            Descriptors.Open("/proc/self/fd", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), "open", "/proc/self/fd"));
        var root = new FileDescriptor(-1);
        try
        {
            root = options.Root ?? new FileDescriptor(SystemCallException.ThrowIfError(
                Descriptors.Open(options.Path, OpenFlags.O_PATH), "open", options.Path));
            var fileSystem = new LocalFileSystem(options, descriptorDirectory, root);
            fileSystem.EnterRoot();
            return fileSystem;
        }
        catch
        {
            root.Dispose();
            descriptorDirectory.Dispose();
            throw;
        }
    }

    public void Reset()
    {
        _locks.Clear();
        _handles.Clear();
        _inodes.Clear();
    }

    public void Forget(NodeId node, ulong count) => _inodes.Forget(node, count);

    public ValueTask DisposeAsync()
    {
        Reset();
        _inodes.Dispose();
        _mounts.Dispose();
        _root.Dispose();
        _descriptorDirectory.Dispose();
        return default;
    }

    /// <summary>What a guest is told where the kernel would say that the daemon, not the guest, has too many files open.</summary>
    static Errno ToGuestError(nint result) => result.ToErrno() is Errno.EMFILE ? Errno.ENFILE : result.ToErrno();

    static ValueTask<Errno> Done(nint result) => new(result < 0 ? ToGuestError(result) : Errno.None);

    void EnterRoot()
    {
        Statx status;
        SystemCallException.ThrowIfError(FileStatus.Get(_root.Value, StatusMask, &status), "statx", _options.Path);
        // Nothing else is ever opened.
        if (!StatMode.IsDirectory(status.Mode) && !StatMode.IsRegular(status.Mode))
            throw new SystemCallException(Errno.ENOTDIR, "open", _options.Path);
        SystemCallException.ThrowIfError(_mounts.Enter(_root.Value, status), "open_by_handle_at", _options.Path);
        if (_root.Value > InodeWord.MaxDescriptor)
            throw new SystemCallException(Errno.EMFILE, "open", _options.Path);
        _inodes.InsertRoot(new NewInode
        {
            Ino = status.Ino,
            Birth = BirthOf(status),
            Type = (byte)StatMode.ToDirectoryEntryType(status.Mode),
            Fd = _root.Value,
            CachePosition = -1,
        });
    }
}
