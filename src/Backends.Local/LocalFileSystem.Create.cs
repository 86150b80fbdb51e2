using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    /// <summary>How often a file may vanish and come back between "it exists" and opening it.</summary>
    const int CreateAttempts = 8;

    public unsafe ValueTask<Reply<Entry>> MakeDirectoryAsync(RequestContext request, NodeId parent, uint mode, uint umask)
    {
        using var directory = AcquireForMaking(parent);
        if (directory.IsError)
            return new(directory.Error);
        using (var caller = _identity.Assume(request, umask))
        {
            var result = caller.IsError
                ? -(int)caller.Error
                : NameOperations.MakeDirectory(directory.Fd, request.Name.Pointer, mode & StatMode.PermissionMask);
            if (result < 0)
                return new(ToGuestError(result));
        }
        return LookupMade(directory, request.Name.Pointer);
    }

    public unsafe ValueTask<Reply<Entry>> MakeNodeAsync(RequestContext request, NodeId parent, uint mode, uint major, uint minor, uint umask)
    {
        using var directory = AcquireForMaking(parent);
        if (directory.IsError)
            return new(directory.Error);
        using (var caller = _identity.Assume(request, umask))
        {
            var result = caller.IsError
                ? -(int)caller.Error
                : NameOperations.MakeNode(directory.Fd, request.Name.Pointer, mode, NameOperations.Device(major, minor));
            if (result < 0)
                return new(ToGuestError(result));
        }
        return LookupMade(directory, request.Name.Pointer);
    }

    public unsafe ValueTask<Reply<Entry>> SymbolicLinkAsync(RequestContext request, NodeId parent)
    {
        using var directory = AcquireForMaking(parent);
        if (directory.IsError)
            return new(directory.Error);
        using (var caller = _identity.Assume(request, 0))
        {
            var result = caller.IsError
                ? -(int)caller.Error
                : NameOperations.SymbolicLink(request.SecondName.Pointer, directory.Fd, request.Name.Pointer);
            if (result < 0)
                return new(ToGuestError(result));
        }
        return LookupMade(directory, request.Name.Pointer);
    }

    public unsafe ValueTask<Reply<CreateReply>> CreateAsync(RequestContext request, NodeId parent, in OpenRequest open)
    {
        var flags = HostFlags(open.Flags);
        if (_options.ReadOnly)
            return OpenOnly(request, parent, open, flags);
        using var directory = AcquireForMaking(parent);
        if (directory.IsError)
            return new(directory.Error);
        if (!TryTakeDescriptor())
            return new(Errno.ENFILE);
        // Without HANDLE_KILLPRIV_V2 the guest does not say that setuid and setgid are to go if a file is there after all and is truncated.
        var killSetId = open.KillSuidGid || request.Caller.Uid != 0;
        for (var attempt = 0; attempt < CreateAttempts; attempt++)
        {
            var fd = MakeFile(request, directory, open, flags, request.Name.Pointer);
            if (fd >= 0)
                return ReplyCreated(directory, fd, flags);
            // Never opened by O_CREAT without O_EXCL: that would open what is there, whatever it is, and meet the host's
            // fs.protected_regular although the guest's kernel has applied its own.
            if (fd != -(int)Errno.EEXIST || (open.Flags & OpenFlags.O_EXCL) != 0)
            {
                _budget.Return();
                return new(ToGuestError(fd));
            }
            var error = OpenExisting(directory, request.Name.Pointer, flags, killSetId, out var reply);
            if (error == Errno.ENOENT)
                continue;
            _budget.Return();
            return error == Errno.None ? new(reply) : new(error);
        }
        _budget.Return();
        return new(Errno.ENOENT);
    }

    public unsafe ValueTask<Reply<CreateReply>> CreateTemporaryAsync(RequestContext request, NodeId parent, in OpenRequest open)
    {
        using var directory = AcquireForMaking(parent);
        if (directory.IsError)
            return new(directory.Error);
        if (!TryTakeDescriptor())
            return new(Errno.ENFILE);
        var flags = HostFlags(open.Flags) & ~OpenFlags.O_TRUNC;
        var dot = (ushort)'.';
        int fd;
        using (var caller = _identity.Assume(request, open.Umask))
        {
            fd = caller.IsError
                ? -(int)caller.Error
                : Descriptors.OpenAt(
                    directory.Fd, (byte*)&dot, flags | OpenFlags.O_TMPFILE | (open.Flags & OpenFlags.O_EXCL), open.Mode & StatMode.PermissionMask);
        }
        if (fd >= 0)
            return ReplyCreated(directory, fd, flags);
        _budget.Return();
        return new(ToGuestError(fd));
    }

    InodeReference AcquireForMaking(NodeId parent)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        var directory = _inodes.Acquire(parent);
        if (directory.IsError || directory.IsDirectory)
            return directory;
        directory.Dispose();
        return new(Errno.ENOTDIR);
    }

    unsafe int MakeFile(RequestContext request, in InodeReference directory, in OpenRequest open, int flags, byte* name)
    {
        using var caller = _identity.Assume(request, open.Umask);
        if (caller.IsError)
            return -(int)caller.Error;
        var making = (flags & ~OpenFlags.O_TRUNC) | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW | OpenFlags.O_NOCTTY;
        return Descriptors.OpenAt(directory.Fd, name, making, open.Mode & StatMode.PermissionMask);
    }

    /// <summary>Nothing can be made; what is there can be opened for reading, O_CREAT or not.</summary>
    unsafe ValueTask<Reply<CreateReply>> OpenOnly(RequestContext request, NodeId parent, in OpenRequest open, int flags)
    {
        using var directory = _inodes.Acquire(parent);
        if (directory.IsError)
            return new(directory.Error);
        if (!directory.IsDirectory)
            return new(Errno.ENOTDIR);
        if (IsForWriting(open.Flags) || (open.Flags & OpenFlags.O_EXCL) != 0)
            return new(Errno.EROFS);
        var error = OpenExisting(directory, request.Name.Pointer, flags, false, out var reply);
        return error == Errno.None ? new(reply) : new(error == Errno.ENOENT ? Errno.EROFS : error);
    }

    /// <summary>A file that was there already: looked up, and opened if it is a regular one.</summary>
    unsafe Errno OpenExisting(in InodeReference directory, byte* name, int flags, bool killSetId, out CreateReply reply)
    {
        reply = default;
        var error = Lookup(directory, directory.Fd, name, out reply.Entry);
        if (error != Errno.None)
            return error;
        using var inode = _inodes.Acquire(reply.Entry.Node, needDescriptor: false);
        if (inode.IsError)
            return inode.Error;
        if (!inode.IsRegular)
            error = inode.IsDirectory ? Errno.EISDIR : inode.Type == StatMode.SymbolicLink >> 12 ? Errno.ELOOP : Errno.EACCES;
        else
            error = OpenHandle(inode, flags, killSetId, out reply.Open);
        if (error != Errno.None)
            _inodes.Forget(reply.Entry.Node, 1);
        return error;
    }

    /// <summary>Entry and handle for a file that is open on <paramref name="fd"/>; takes it and the unit of the budget over.</summary>
    unsafe ValueTask<Reply<CreateReply>> ReplyCreated(in InodeReference directory, int fd, int flags)
    {
        CreateReply reply = default;
        var position = _inodes.Cache.Reserve();
        var error = position < 0 ? position.ToErrno() : Errno.None;
        if (error == Errno.None)
        {
            // From the open file itself: its name may already lead elsewhere.
            var path = new DescriptorPath(fd);
            var held = OpenHeld(ref path);
            if (held < 0)
            {
                _inodes.Cache.Release(position);
                error = ToGuestError(held);
            }
            else
            {
                error = Admit(directory.Mount, held, position, out reply.Entry);
            }
        }
        if (error != Errno.None)
        {
            _ = Descriptors.Close(fd);
            _budget.Return();
            return new(error);
        }
        error = AddHandle(fd, flags, false, out reply.Open);
        if (error == Errno.None)
            return new(reply);
        _inodes.Forget(reply.Entry.Node, 1);
        return new(error);
    }

    unsafe int OpenHeld(ref DescriptorPath path)
    {
        var fd = Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), OpenFlags.O_PATH);
        if (fd <= InodeWord.MaxDescriptor)
            return fd;
        _ = Descriptors.Close(fd);
        return -(int)Errno.ENFILE;
    }
}
