using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    public unsafe ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity)
    {
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        if (inode.Type != StatMode.SymbolicLink >> 12)
            return new(Errno.EINVAL);
        byte empty = 0;
        return Bytes(NameOperations.ReadLink(inode.Fd, &empty, request.Scratch(capacity), (nuint)capacity));
    }

    public ValueTask<Errno> UnlinkAsync(RequestContext request, NodeId parent) => Remove(request, parent, 0);

    public ValueTask<Errno> RemoveDirectoryAsync(RequestContext request, NodeId parent) =>
        Remove(request, parent, Descriptors.AT_REMOVEDIR);

    public unsafe ValueTask<Errno> RenameAsync(RequestContext request, NodeId parent, NodeId newParent, uint flags)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        using var source = _inodes.Acquire(parent);
        if (source.IsError)
            return new(source.Error);
        using var target = _inodes.Acquire(newParent);
        if (target.IsError)
            return new(target.Error);
        if (!source.IsDirectory || !target.IsDirectory)
            return new(Errno.ENOTDIR);
        const uint Keeping = NameOperations.RENAME_EXCHANGE | NameOperations.RENAME_NOREPLACE;
        using var replaced = (flags & Keeping) != 0 ? default : FindVictim(target, request.SecondName.Pointer);
        int result;
        if ((flags & NameOperations.RENAME_WHITEOUT) != 0)
        {
            // The whiteout is a new file.
            using var caller = _identity.Assume(request, 0);
            if (caller.IsError)
                return new(caller.Error);
            result = NameOperations.Rename(source.Fd, request.Name.Pointer, target.Fd, request.SecondName.Pointer, flags);
        }
        else
        {
            result = NameOperations.Rename(source.Fd, request.Name.Pointer, target.Fd, request.SecondName.Pointer, flags);
        }
        if (result < 0)
            return new(ToGuestError(result));
        KeepVictim(replaced);
        return new(Errno.None);
    }

    public unsafe ValueTask<Reply<Entry>> LinkAsync(RequestContext request, NodeId node, NodeId newParent)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        using var directory = _inodes.Acquire(newParent);
        if (directory.IsError)
            return new(directory.Error);
        if (!directory.IsDirectory)
            return new(Errno.ENOTDIR);
        // AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH; the link in /proc leads to the inode itself, be it a symbolic link.
        var path = new DescriptorPath(inode.Fd);
        var result = NameOperations.Link(
            _descriptorDirectory.Value, path.Number(), directory.Fd, request.Name.Pointer, Descriptors.AT_SYMLINK_FOLLOW);
        if (result < 0)
            return new(ToGuestError(result));
        return LookupMade(directory, request.Name.Pointer);
    }

    unsafe ValueTask<Errno> Remove(RequestContext request, NodeId parent, int flags)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        using var directory = _inodes.Acquire(parent);
        if (directory.IsError)
            return new(directory.Error);
        if (!directory.IsDirectory)
            return new(Errno.ENOTDIR);
        using var victim = FindVictim(directory, request.Name.Pointer);
        var result = NameOperations.Unlink(directory.Fd, request.Name.Pointer, flags);
        if (result < 0)
            return new(ToGuestError(result));
        KeepVictim(victim);
        return new(Errno.None);
    }

    /// <summary>
    /// The inode of a name that is about to go, if the guest knows it and it is the last name. Its handle will be of no use
    /// then, while the guest may still hold it open or as a working directory: so its descriptor is held over the call.
    /// </summary>
    unsafe InodeReference FindVictim(in InodeReference directory, byte* name)
    {
        if (!_mounts[directory.Mount].UsesHandles)
            return default;
        Statx status;
        const uint Mask = FileStatus.STATX_TYPE | FileStatus.STATX_NLINK | FileStatus.STATX_INO | FileStatus.STATX_BTIME | FileStatus.STATX_MNT_ID;
        if (FileStatus.Get(directory.Fd, name, LookupFlags, Mask, &status) < 0
            || (status.LinkCount > 1 && !StatMode.IsDirectory(status.Mode))
            || !_mounts.IsOn(directory.Mount, status))
        {
            return default;
        }
        return _inodes.AcquireKnown(directory.Mount, status.Ino, BirthOf(status));
    }

    unsafe void KeepVictim(in InodeReference victim)
    {
        if (victim.Slot != null && !victim.Slot->Pinned)
            _inodes.Cache.Pin(victim.Slot);
    }

    /// <summary>The entry of what has just been made.</summary>
    unsafe ValueTask<Reply<Entry>> LookupMade(in InodeReference directory, byte* name)
    {
        var error = Lookup(directory, directory.Fd, name, out var entry);
        return error == Errno.None ? new(entry) : new(error);
    }
}
