using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    /// <summary>How long after another process dropped a lock a waiting guest may get it.</summary>
    static readonly TimeSpan s_lockInterval = TimeSpan.FromMilliseconds(20);

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
        var error = TrySetLock(node, wanted);
        return error == Errno.EAGAIN && wait ? WaitForLock(request, node, wanted) : new(error);
    }

    static bool IsValid(in FileLock wanted) =>
        wanted.Type <= FileLockType.Unlock && (wanted.IsFlock || (wanted.Start <= long.MaxValue && wanted.Start <= wanted.End));

    Errno TrySetLock(NodeId node, in FileLock wanted)
    {
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return inode.Error;
        if (!inode.IsRegular && !inode.IsDirectory)
            return Errno.EBADF;
        return _locks.TrySet(node, wanted, inode.Fd, _openForLocks);
    }

    ValueTask<Errno> WaitForLock(RequestContext request, NodeId node, FileLock wanted) =>
        _locks.WaitAsync(() => TrySetLock(node, wanted), s_lockInterval, request.Cancellation);

    /// <summary>A description that can hold any lock: readable and writable if possible. What cannot be written can have no write lock (EBADF), as on the host.</summary>
    unsafe int OpenForLocks(int file)
    {
        var path = new DescriptorPath(file);
        var fd = _options.ReadOnly
            ? -(int)Errno.EROFS
            : Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), OpenFlags.O_RDWR | OpenFlags.O_NOCTTY | OpenFlags.O_NONBLOCK);
        if (fd is -(int)Errno.EROFS or -(int)Errno.EISDIR or -(int)Errno.ETXTBSY or -(int)Errno.EACCES or -(int)Errno.EPERM)
            fd = Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), OpenFlags.O_RDONLY | OpenFlags.O_NOCTTY | OpenFlags.O_NONBLOCK);
        return fd == -(int)Errno.EMFILE ? -(int)Errno.ENOLCK : fd;
    }
}
