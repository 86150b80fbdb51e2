using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    /// <summary>What of a guest's flags reaches the host: never O_CREAT, O_PATH, O_TMPFILE or what decides how a path is resolved.</summary>
    static readonly int s_passedFlags =
        OpenFlags.O_ACCMODE | OpenFlags.O_TRUNC | OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK | OpenFlags.O_SYNC
        | OpenFlags.O_DIRECT | OpenFlags.O_NOATIME | OpenFlags.O_LARGEFILE;

    public unsafe ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open)
    {
        if (_options.ReadOnly && IsForWriting(open.Flags))
            return new(Errno.EROFS);
        using var inode = _inodes.Acquire(node, needDescriptor: KillsSetId(open.Flags, open.KillSuidGid));
        if (inode.IsError)
            return new(inode.Error);
        // A guest opens FIFOs, sockets and device nodes itself; one that asks for the host's gets nothing.
        if (!inode.IsRegular)
            return new(inode.IsDirectory ? Errno.EISDIR : Errno.EACCES);
        return OpenHandle(inode, HostFlags(open.Flags), open.KillSuidGid, out var reply) is var error && error != Errno.None
            ? new(error)
            : new(reply);
    }

    public ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags)
    {
        using var inode = _inodes.Acquire(node, needDescriptor: false);
        if (inode.IsError)
            return new(inode.Error);
        if (!inode.IsDirectory)
            return new(Errno.ENOTDIR);
        var hostFlags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | (_options.PreserveNoAtime ? flags & OpenFlags.O_NOATIME : 0);
        return OpenHandle(inode, hostFlags, false, out var reply) is var error && error != Errno.None ? new(error) : new(reply);
    }

    public ValueTask<Errno> ReleaseAsync(RequestContext request, NodeId node, HandleId handle, in ReleaseRequest release)
    {
        if (release.UnlockFlock)
            _locks.Drop(node, release.LockOwner, isFlock: true);
        if (_options.PosixLocks)
            _locks.DropOf(handle);
        return new(_handles.Remove(handle) ? Errno.None : Errno.EBADF);
    }

    public ValueTask<Errno> ReleaseDirectoryAsync(RequestContext request, NodeId node, HandleId handle) =>
        new(_handles.Remove(handle) ? Errno.None : Errno.EBADF);

    static bool IsForWriting(int flags) =>
        (flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY || (flags & OpenFlags.O_TRUNC) != 0;

    /// <summary>Whether opening so changes content for a caller who may not keep setuid and setgid. The inode's descriptor is then needed.</summary>
    static bool KillsSetId(int flags, bool killSetId) => killSetId && (flags & OpenFlags.O_TRUNC) != 0;

    int HostFlags(int flags)
    {
        flags &= s_passedFlags;
        if (!_options.AllowDirectIo)
            flags &= ~OpenFlags.O_DIRECT;
        if (!_options.PreserveNoAtime)
            flags &= ~OpenFlags.O_NOATIME;
        if (_options.Writeback)
        {
            // The guest's page cache reads around what it writes in part, and knows itself where the end is.
            if ((flags & OpenFlags.O_ACCMODE) == OpenFlags.O_WRONLY)
                flags = (flags & ~OpenFlags.O_ACCMODE) | OpenFlags.O_RDWR;
            flags &= ~OpenFlags.O_APPEND;
        }
        return flags;
    }

    unsafe Errno OpenHandle(in InodeReference inode, int flags, bool killSetId, out OpenReply reply)
    {
        reply = default;
        if (!TryTakeDescriptor())
            return Errno.ENFILE;
        int fd;
        using (var withoutSetId = KillsSetId(flags, killSetId) ? KillSetId(inode.Fd) : default)
        {
            fd = withoutSetId.IsError ? -(int)withoutSetId.Error : OpenForIo(inode, flags);
            if (fd is -(int)Errno.EMFILE && _inodes.Cache.TryEvict())
            {
                _budget.Return();
                fd = OpenForIo(inode, flags);
            }
        }
        if (fd < 0)
        {
            _budget.Return();
            return ToGuestError(fd);
        }
        if ((flags & OpenFlags.O_TRUNC) != 0 && ClearRemappedCapability(fd) is var error and not Errno.None)
        {
            _ = Descriptors.Close(fd);
            _budget.Return();
            return error;
        }
        return AddHandle(fd, flags, inode.IsDirectory, out reply);
    }

    /// <summary>
    /// Opens a regular file or directory anew: by its handle if it has one, which costs the kernel a quarter less than the way through
    /// /proc. A file without a name has no valid handle any more; its descriptor has been kept open then.
    /// </summary>
    unsafe int OpenForIo(in InodeReference inode, int flags)
    {
        flags |= OpenFlags.O_NOCTTY;
        var fd = -(int)Errno.ESTALE;
        if (inode.Slot->HandleLength != 0)
        {
            FileHandle handle;
            inode.Slot->CopyHandle(&handle);
            fd = FileHandles.Open(_mounts[inode.Mount].Fd, &handle, flags | OpenFlags.O_NOFOLLOW);
        }
        if (fd != -(int)Errno.ESTALE || inode.Fd < 0)
            return fd;
        var path = new DescriptorPath(inode.Fd);
        return Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), flags);
    }

    /// <summary>Makes a handle of an open descriptor, for which a unit of the budget was taken; takes both over.</summary>
    Errno AddHandle(int fd, int flags, bool isDirectory, out OpenReply reply)
    {
        reply = new OpenReply { Handle = _handles.Add(fd, flags, isDirectory), Flags = ReplyFlags(isDirectory) };
        if (reply.Handle != HandleId.None)
            return Errno.None;
        _ = Descriptors.Close(fd);
        _budget.Return();
        return Errno.ENFILE;
    }

    OpenReplyFlags ReplyFlags(bool isDirectory) => (_options.Cache, isDirectory) switch
    {
        (CacheMode.Never or CacheMode.Metadata, false) => OpenReplyFlags.DirectIo | OpenReplyFlags.ParallelDirectWrites,
        (CacheMode.Metadata or CacheMode.Always, true) => OpenReplyFlags.KeepCache | OpenReplyFlags.CacheDirectory,
        (CacheMode.Always, false) => OpenReplyFlags.KeepCache,
        _ => OpenReplyFlags.None,
    };

    /// <summary>A unit of the descriptor budget, at the cost of an inode's descriptor if there is no other way.</summary>
    bool TryTakeDescriptor() => _budget.TryTake() || _inodes.Cache.TryEvict();
}
