using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    /// <summary>How often a file may vanish and come back between "it exists" and opening it.</summary>
    const int CreateAttempts = 8;

    public ValueTask<Reply<Entry>> MakeDirectoryAsync(RequestContext request, NodeId parent, uint mode, uint umask) =>
        MakeEntry(request, parent, new NewEntry(NewEntryKind.Directory, mode & StatMode.PermissionMask, 0, umask));

    public ValueTask<Reply<Entry>> MakeNodeAsync(RequestContext request, NodeId parent, uint mode, uint major, uint minor, uint umask) =>
        MakeEntry(request, parent, new NewEntry(NewEntryKind.Node, mode, NameOperations.Device(major, minor), umask));

    public ValueTask<Reply<Entry>> SymbolicLinkAsync(RequestContext request, NodeId parent) =>
        MakeEntry(request, parent, new NewEntry(NewEntryKind.SymbolicLink, 0, 0, 0));

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
        var fd = MakeUnnamedFile(request, directory, open, flags | (open.Flags & OpenFlags.O_EXCL));
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

    unsafe ValueTask<Reply<Entry>> MakeEntry(RequestContext request, NodeId parent, in NewEntry made)
    {
        using var directory = AcquireForMaking(parent);
        if (directory.IsError)
            return new(directory.Error);
        var result = IsToBeLabelled(request)
            ? MakeLabelled(request, directory.Fd, made)
            : Make(request, directory.Fd, request.Name.Pointer, made);
        return result < 0 ? new(ToGuestError(result)) : LookupMade(directory, request.Name.Pointer);
    }

    unsafe int Make(RequestContext request, int directory, byte* name, in NewEntry made)
    {
        using var caller = _identity.Assume(request, made.Umask);
        if (caller.IsError)
            return -(int)caller.Error;
        return made.Kind switch
        {
            NewEntryKind.Directory => NameOperations.MakeDirectory(directory, name, made.Mode),
            NewEntryKind.SymbolicLink => NameOperations.SymbolicLink(request.SecondName.Pointer, directory, name),
            _ => NameOperations.MakeNode(directory, name, made.Mode, made.Device),
        };
    }

    unsafe int MakeFile(RequestContext request, in InodeReference directory, in OpenRequest open, int flags, byte* name)
    {
        if (IsToBeLabelled(request))
            return MakeLabelledFile(request, directory, open, flags & ~OpenFlags.O_TRUNC, name);
        using var caller = _identity.Assume(request, open.Umask);
        if (caller.IsError)
            return -(int)caller.Error;
        var making = (flags & ~OpenFlags.O_TRUNC) | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW | OpenFlags.O_NOCTTY;
        return Descriptors.OpenAt(directory.Fd, name, making, open.Mode & StatMode.PermissionMask);
    }

    /// <summary>A file without a name, labelled where that is asked for. O_EXCL in <paramref name="flags"/>: it can never have one.</summary>
    unsafe int MakeUnnamedFile(RequestContext request, in InodeReference directory, in OpenRequest open, int flags)
    {
        var dot = (ushort)'.';
        int fd;
        using (var caller = _identity.Assume(request, open.Umask))
        {
            if (caller.IsError)
                return -(int)caller.Error;
            fd = Descriptors.OpenAt(directory.Fd, (byte*)&dot, flags | OpenFlags.O_TMPFILE, open.Mode & StatMode.PermissionMask);
        }
        if (fd < 0 || !IsToBeLabelled(request))
            return fd;
        var result = SetLabels(fd, request.Labels);
        if (result >= 0)
            return fd;
        _ = Descriptors.Close(fd);
        return result;
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
        using var inode = _inodes.Acquire(reply.Entry.Node, needDescriptor: KillsSetId(flags, killSetId));
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
