using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    /// <summary>For a name on the host and the NUL behind it.</summary>
    const int NameCapacity = ExtendedAttributes.MaxNameLength + 1;

    static ReadOnlySpan<byte> UserNamespace => "user."u8;

    static ReadOnlySpan<byte> SystemNamespace => "system."u8;

    static ReadOnlySpan<byte> AccessAcl => "system.posix_acl_access"u8;

    static ReadOnlySpan<byte> DefaultAcl => "system.posix_acl_default"u8;

    public unsafe ValueTask<Errno> SetXattrAsync(RequestContext request, NodeId node, int flags, bool clearSetGid)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        if (!IsServed(request, request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        var buffer = stackalloc byte[NameCapacity];
        if (ToHostName(request.Name, buffer, out var name) is var refused and < 0)
            return new(refused.ToErrno());
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var result = _xattrs.Set(inode.Fd, name, request.SecondName.Pointer, (nuint)request.SecondName.Length, flags);
        if (result >= 0 && clearSetGid && request.Name.Span.SequenceEqual(AccessAcl))
            result = ClearSetGid(inode.Fd);
        return Done(result);
    }

    public unsafe ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!IsServed(request, request.Name.Span))
            return new(Errno.EOPNOTSUPP);
        var buffer = stackalloc byte[NameCapacity];
        // A guest that asks before each write whether a file has capabilities is told no, not that it may not ask.
        if (ToHostName(request.Name, buffer, out var name) is var refused and < 0)
            return new(refused == -(int)Errno.EPERM || IsObeyedAcl(request) ? Errno.ENODATA : refused.ToErrno());
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        // The kernel takes a larger buffer than any value for no buffer at all: ENOMEM.
        capacity = Math.Min(capacity, ExtendedAttributes.MaxSize);
        var value = capacity > 0 ? request.Scratch(capacity) : null;
        var result = _xattrs.Get(inode.Fd, name, value, (nuint)capacity);
        // A file system below the share that has no ACLs: to a guest that obeys them, its files have none.
        if (result == -(nint)(int)Errno.EOPNOTSUPP && IsObeyedAcl(request))
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
        var buffer = stackalloc byte[NameCapacity];
        if (ToHostName(request.Name, buffer, out var name) is var refused and < 0)
            return new(refused.ToErrno());
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        return Done(_xattrs.Remove(inode.Fd, name));
    }

    static bool IsObeyedAcl(RequestContext request) => request.GuestObeysAcls && IsAcl(request.Name.Span);

    static bool IsAcl(ReadOnlySpan<byte> name) => name.SequenceEqual(AccessAcl) || name.SequenceEqual(DefaultAcl);

    /// <summary>Whether the file system of an inode has ACLs, which any of its inodes tells. Under other names the host keeps none.</summary>
    unsafe bool HasAcls(int fd)
    {
        var buffer = stackalloc byte[NameCapacity];
        fixed (byte* acl = AccessAcl)
        {
            return ToHostName(new ByteString(acl, AccessAcl.Length), buffer, out var name) >= 0
                && _xattrs.Get(fd, name, null, 0).ToErrno() != Errno.EOPNOTSUPP;
        }
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
            var hidden = 0;
            if (_options.XattrMap?.TryToGuest(names.Slice(position, length), out hidden) != false
                && !(hidden > 0 && IsAcl(names[(position + hidden)..(position + length)]))
                && IsServed(request, names[(position + hidden)..(position + length)]))
            {
                names[(position + hidden)..(position + length + 1)].CopyTo(names[kept..]);
                kept += length + 1 - hidden;
            }
            position += length + 1;
        }
        return kept;
    }

    /// <summary>The host's name for a guest's: its own pointer where nothing is translated, else in <paramref name="buffer"/>.</summary>
    /// <returns>Its length, or −errno: EOPNOTSUPP for an ACL that the host would have under another name, and so neither obey nor keep up to date.</returns>
    unsafe int ToHostName(ByteString name, byte* buffer, out byte* host)
    {
        host = name.Pointer;
        if (_options.XattrMap is not { } map)
            return name.Length;
        host = buffer;
        var length = map.ToHost(name.Span, new Span<byte>(buffer, NameCapacity));
        return length >= 0 && IsAcl(name.Span) && !name.Span.SequenceEqual(new ReadOnlySpan<byte>(buffer, length)) ? -(int)Errno.EOPNOTSUPP : length;
    }

    /// <summary>The host's name of security.capability where that is another, with its NUL.</summary>
    static byte[]? RemappedCapability(XattrMap? map)
    {
        var capability = "security.capability"u8;
        var name = new byte[NameCapacity];
        return map?.ToHost(capability, name) is { } length and >= 0 && !capability.SequenceEqual(name.AsSpan(0, length)) ? name : null;
    }

    /// <summary>A program whose content or owner changes loses its capabilities. The kernel sees to that, but not under another name.</summary>
    unsafe Errno ClearRemappedCapability(int fd)
    {
        if (_remappedCapability is null)
            return Errno.None;
        fixed (byte* name = _remappedCapability)
        {
            var error = _xattrs.Remove(fd, name).ToErrno();
            return error is Errno.ENODATA or Errno.EOPNOTSUPP ? Errno.None : error;
        }
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
