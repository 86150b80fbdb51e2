using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    public unsafe ValueTask<Reply<Entry>> LookupAsync(RequestContext request, NodeId parent)
    {
        using var directory = _inodes.Acquire(parent);
        if (directory.IsError)
            return new(directory.Error);
        if (!directory.IsDirectory)
            return new(Errno.ENOTDIR);
        var error = Lookup(directory, directory.Fd, request.Name.Pointer, out var entry);
        return error == Errno.None ? new(entry) : new(error);
    }

    static long BirthOf(in Statx status) =>
        (status.Mask & FileStatus.STATX_BTIME) == 0 ? 0 : status.BirthTime.Seconds * 1_000_000_000 + status.BirthTime.Nanoseconds;

    /// <summary>Looks one component up and counts a lookup.</summary>
    /// <param name="directory">Pinned by the caller.</param>
    /// <param name="fd">A descriptor of it.</param>
    /// <param name="name">NUL-terminated.</param>
    /// <param name="entry">The answer.</param>
    unsafe Errno Lookup(in InodeReference directory, int fd, byte* name, out Entry entry)
    {
        Statx status;
        var result = FileStatus.Get(fd, name, LookupFlags, StatusMask, &status);
        if (result < 0)
        {
            entry = default;
            return ToGuestError(result);
        }
        if (_mounts.IsOn(directory.Mount, status)
            && _inodes.TryLookup(directory.Mount, status.Ino, BirthOf(status), fd, name, out var match))
        {
            entry = EntryOf(match, directory.Mount, status);
            return Errno.None;
        }
        return LookupNew(directory, fd, name, out entry);
    }

    /// <summary>The guest does not know the file yet, or it lies on another mount: everything about it is read from one O_PATH descriptor.</summary>
    unsafe Errno LookupNew(in InodeReference directory, int parent, byte* name, out Entry entry)
    {
        entry = default;
        var position = _inodes.Cache.Reserve();
        if (position < 0)
            return position.ToErrno();
        var fd = OpenPath(parent, name);
        if (fd < 0)
        {
            _inodes.Cache.Release(position);
            return ToGuestError(fd);
        }
        return Admit(directory.Mount, fd, position, out entry);
    }

    /// <summary>Counts a lookup of the file that an O_PATH descriptor stands for. Takes the descriptor and its reservation over.</summary>
    unsafe Errno Admit(int parentMount, int fd, int position, out Entry entry)
    {
        entry = default;
        Statx status;
        int mount = parentMount;
        var result = FileStatus.Get(fd, StatusMask, &status);
        if (result >= 0)
        {
            if (_mounts.IsOn(parentMount, status))
                _mounts.AddReference(parentMount);
            else
                result = mount = _mounts.Enter(fd, status);
        }
        if (result < 0)
        {
            _ = Descriptors.Close(fd);
            _inodes.Cache.Release(position);
            return ToGuestError(result);
        }
        FileHandle handle;
        byte empty = 0;
        var inode = new NewInode
        {
            Ino = status.Ino,
            Birth = BirthOf(status),
            Type = (byte)StatMode.ToDirectoryEntryType(status.Mode),
            Mount = (ushort)mount,
            IsMountRoot = mount != parentMount,
            Fd = fd,
            CachePosition = position,
        };
        if (_mounts[mount].UsesHandles)
        {
            result = FileHandles.Get(fd, &empty, &handle, Descriptors.AT_EMPTY_PATH);
            if (result < 0)
            {
                _inodes.Discard(inode);
                return ToGuestError(result);
            }
            inode.Handle = &handle;
        }
        else
        {
            _inodes.Cache.ToPinned(position);
            inode.CachePosition = -1;
        }
        // The mount entry is looked at before the guest can give the inode back.
        var attributes = AttributesOf(status, _mounts[mount], inode.IsMountRoot);
        var error = _inodes.Insert(inode, out var match);
        if (error == Errno.None)
            entry = EntryOf(match, attributes);
        return error;
    }

    /// <summary>An O_PATH descriptor of one component, the component itself even if it is a link. Its number fits an inode's word.</summary>
    static unsafe int OpenPath(int parent, byte* name)
    {
        const ulong Resolve = OpenAt2.RESOLVE_BENEATH | OpenAt2.RESOLVE_NO_MAGICLINKS;
        var fd = OpenAt2.Open(parent, name, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW, 0, Resolve);
        if (fd <= InodeWord.MaxDescriptor)
            return fd;
        _ = Descriptors.Close(fd);
        return -(int)Errno.ENFILE;
    }

    Entry EntryOf(in InodeMatch match, int mount, in Statx status) =>
        EntryOf(match, AttributesOf(status, _mounts[mount], match.IsMountRoot));

    Entry EntryOf(in InodeMatch match, in NodeAttributes attributes) => new()
    {
        Node = match.Node,
        Generation = match.Generation,
        EntryValidity = _validity,
        AttributesValidity = _validity,
        Attributes = attributes,
    };
}
