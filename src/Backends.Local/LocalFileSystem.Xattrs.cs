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
        if (!IsServed(request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var path = new DescriptorPath(inode.Fd);
        var result = ExtendedAttributes.Set(
            path.Absolute(), request.Name.Pointer, request.SecondName.Pointer, (nuint)request.SecondName.Length, flags);
        if (result >= 0 && clearSetGid && request.Name.Span.SequenceEqual(AccessAcl))
            result = ClearSetGid(inode.Fd);
        return Done(result);
    }

    public unsafe ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!IsServed(request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var path = new DescriptorPath(inode.Fd);
        // The kernel takes a larger buffer than any value for no buffer at all: ENOMEM.
        capacity = Math.Min(capacity, ExtendedAttributes.MaxSize);
        var value = capacity > 0 ? request.Scratch(capacity) : null;
        return Bytes(ExtendedAttributes.Get(path.Absolute(), request.Name.Pointer, value, (nuint)capacity));
    }

    public unsafe ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!_xattr)
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var path = new DescriptorPath(inode.Fd);
        if (_options.PosixAcl)
        {
            capacity = Math.Min(capacity, ExtendedAttributes.MaxSize);
            return Bytes(ExtendedAttributes.List(path.Absolute(), capacity > 0 ? request.Scratch(capacity) : null, (nuint)capacity));
        }
        // Names that are not served are taken out, so the whole list is needed even for its length.
        var names = request.Scratch(ExtendedAttributes.MaxSize);
        var result = ExtendedAttributes.List(path.Absolute(), names, ExtendedAttributes.MaxSize);
        if (result < 0)
            return new(ToGuestError(result));
        var length = KeepServed(new Span<byte>(names, (int)result));
        return capacity == 0 || length <= capacity ? new(length) : new(Errno.ERANGE);
    }

    public unsafe ValueTask<Errno> RemoveXattrAsync(RequestContext request, NodeId node)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        if (!IsServed(request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var path = new DescriptorPath(inode.Fd);
        return Done(ExtendedAttributes.Remove(path.Absolute(), request.Name.Pointer));
    }

    /// <summary>user, trusted and security pass; of system only the ACLs, and only where the session agreed on them: set without, they would not be obeyed.</summary>
    bool IsServed(ReadOnlySpan<byte> name)
    {
        if (!_xattr)
            return false;
        return !name.StartsWith(SystemNamespace) || (_options.PosixAcl && (name.SequenceEqual(AccessAcl) || name.SequenceEqual(DefaultAcl)));
    }

    int KeepServed(Span<byte> names)
    {
        var kept = 0;
        for (var position = 0; position < names.Length;)
        {
            var length = names[position..].IndexOf((byte)0);
            if (length < 0)
                break;
            if (IsServed(names.Slice(position, length)))
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
