using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    public ValueTask<Reply<FileLock>> GetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted)
    {
        if (!_options.PosixLocks)
            return new(Errno.EOPNOTSUPP);
        if (!IsValid(wanted))
            return new(Errno.EINVAL);
        using var inode = _inodes.Acquire(node);
        return inode.IsError ? new(inode.Error) : new(_locks.Get(node, wanted, inode.Fd, _openForLocks));
    }

    public ValueTask<Errno> SetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted, bool wait)
    {
        if (!(wanted.IsFlock ? _options.Flock : _options.PosixLocks))
            return new(Errno.EOPNOTSUPP);
        if (!IsValid(wanted))
            return new(Errno.EINVAL);
        var error = TrySetLock(node, handle, wanted);
        return error == Errno.EAGAIN && wait ? WaitForLock(request, node, handle, wanted) : new(error);
    }

    static bool IsValid(in FileLock wanted) =>
        wanted.Type <= FileLockType.Unlock && (wanted.IsFlock || (wanted.Start <= long.MaxValue && wanted.Start <= wanted.End));

    Errno TrySetLock(NodeId node, HandleId handle, in FileLock wanted)
    {
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return inode.Error;
        if (!inode.IsRegular && !inode.IsDirectory)
            return Errno.EBADF;
        return _locks.TrySet(node, handle, wanted, inode.Fd, _openForLocks);
    }

    ValueTask<Errno> WaitForLock(RequestContext request, NodeId node, HandleId handle, FileLock wanted) =>
        _locks.WaitAsync(node, wanted.IsFlock, () => TrySetLock(node, handle, wanted), request.Cancellation);

    /// <summary>
    /// A description that can hold locks. For writing only where the lock needs it: while a program is open for writing the host
    /// cannot run it. What cannot be written can have no lock that needs it (EBADF), as on the host.
    /// </summary>
    unsafe int OpenForLocks(int file, bool forWriting)
    {
        if (forWriting && _options.ReadOnly)
            return -(int)Errno.EBADF;
        var path = new DescriptorPath(file);
        var access = forWriting ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY;
        var fd = Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), access | OpenFlags.O_NOCTTY | OpenFlags.O_NONBLOCK);
        return fd switch
        {
            -(int)Errno.EMFILE => -(int)Errno.ENOLCK,
            -(int)Errno.EROFS or -(int)Errno.EISDIR or -(int)Errno.ETXTBSY or -(int)Errno.EACCES or -(int)Errno.EPERM when forWriting => -(int)Errno.EBADF,
            _ => fd,
        };
    }
}
