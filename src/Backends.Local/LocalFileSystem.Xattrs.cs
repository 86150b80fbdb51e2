using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    static ReadOnlySpan<byte> SystemNamespace => "system."u8;

    static ReadOnlySpan<byte> AccessAcl => "system.posix_acl_access"u8;

    static ReadOnlySpan<byte> DefaultAcl => "system.posix_acl_default"u8;

    public unsafe ValueTask<Errno> SetXattrAsync(RequestContext request, NodeId node, int flags, bool clearSetGid)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        if (!IsServed(request, request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var result = _xattrs.Set(inode.Fd, request.Name.Pointer, request.SecondName.Pointer, (nuint)request.SecondName.Length, flags);
        if (result >= 0 && clearSetGid && request.Name.Span.SequenceEqual(AccessAcl))
            result = ClearSetGid(inode.Fd);
        return Done(result);
    }

    public unsafe ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!IsServed(request, request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        // The kernel takes a larger buffer than any value for no buffer at all: ENOMEM.
        capacity = Math.Min(capacity, ExtendedAttributes.MaxSize);
        var value = capacity > 0 ? request.Scratch(capacity) : null;
        var result = _xattrs.Get(inode.Fd, request.Name.Pointer, value, (nuint)capacity);
        // A file system below the share that has no ACLs: to a guest that obeys them, its files have none.
        if (result == -(nint)(int)Errno.EOPNOTSUPP && request.GuestObeysAcls && IsAcl(request.Name.Span))
            return new(Errno.ENODATA);
        return Bytes(result);
    }

    public unsafe ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!_options.Xattr)
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        // Names that are not served are taken out, so the whole list is needed even for its length.
        var names = request.Scratch(ExtendedAttributes.MaxSize);
        var result = _xattrs.List(inode.Fd, names, ExtendedAttributes.MaxSize);
        if (result < 0)
            return new(ToGuestError(result));
        var length = KeepServed(request, new Span<byte>(names, (int)result));
        return capacity == 0 || length <= capacity ? new(length) : new(Errno.ERANGE);
    }

    public unsafe ValueTask<Errno> RemoveXattrAsync(RequestContext request, NodeId node)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        if (!IsServed(request, request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        return Done(_xattrs.Remove(inode.Fd, request.Name.Pointer));
    }

    static bool IsAcl(ReadOnlySpan<byte> name) => name.SequenceEqual(AccessAcl) || name.SequenceEqual(DefaultAcl);

    /// <summary>Whether the file system of an inode has ACLs, which any of its inodes tells.</summary>
    unsafe bool HasAcls(int fd)
    {
        fixed (byte* name = AccessAcl)
            return _xattrs.Get(fd, name, null, 0).ToErrno() != Errno.EOPNOTSUPP;
    }

    /// <summary>user, trusted and security pass; of system only the ACLs, and only where the guest obeys them: set without, nobody would.</summary>
    bool IsServed(RequestContext request, ReadOnlySpan<byte> name) =>
        _options.Xattr && (!name.StartsWith(SystemNamespace) || (request.GuestObeysAcls && IsAcl(name)));

    int KeepServed(RequestContext request, Span<byte> names)
    {
        var kept = 0;
        for (var position = 0; position < names.Length;)
        {
            var length = names[position..].IndexOf((byte)0);
            if (length < 0)
                break;
            if (IsServed(request, names.Slice(position, length)))
            {
                names.Slice(position, length + 1).CopyTo(names[kept..]);
                kept += length + 1;
            }
            position += length + 1;
        }
        return kept;
    }

    unsafe int ClearSetGid(int fd)
    {
        Statx status;
        var result = FileStatus.Get(fd, FileStatus.STATX_MODE, &status);
        if (result < 0 || (status.Mode & StatMode.SetGid) == 0)
            return result;
        return ChangeMode(fd, status.Mode & StatMode.PermissionMask & ~StatMode.SetGid);
    }
}
