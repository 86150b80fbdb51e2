using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    /// <summary>Linux 6.9: this write goes to its offset although the file is open with O_APPEND.</summary>
    const int RWF_NOAPPEND = 0x20;

    public ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into)
    {
        if (offset > long.MaxValue)
            return new(Errno.EINVAL);
        using var file = _handles.Acquire(handle);
        return file.IsInvalid ? new(Errno.EBADF) : Bytes(into.ReadFrom(file.Fd, (long)offset));
    }

    public ValueTask<Reply<int>> WriteAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers from, WriteFlags flags)
    {
        if (offset > long.MaxValue)
            return new(Errno.EFBIG);
        using var file = _handles.Acquire(handle);
        if (file.IsInvalid)
            return new(Errno.EBADF);
        using var withoutSetId = (flags & WriteFlags.KillSuidGid) != 0 ? KillSetId(file.Fd) : default;
        if (withoutSetId.IsError)
            return new(withoutSetId.Error);
        if (ClearRemappedCapability(file.Fd) is var error and not Errno.None)
            return new(error);
        // At the end only while the guest's description appends, which fcntl may have ended since it was opened; pages that the guest
        // writes back (a shared mapping) belong where they are in any case.
        var appends = (flags & (WriteFlags.Cache | WriteFlags.Append)) == WriteFlags.Append;
        return !appends && (file.Flags & OpenFlags.O_APPEND) != 0
            ? Bytes(WriteInPlace(file.Fd, (long)offset, from))
            : Bytes(from.WriteTo(file.Fd, (long)offset));
    }

    public unsafe ValueTask<Errno> FlushAsync(RequestContext request, NodeId node, HandleId handle, ulong lockOwner)
    {
        using var file = _handles.Acquire(handle);
        if (file.IsInvalid)
            return new(Errno.EBADF);
        if (_options.PosixLocks)
            _locks.Drop(node, lockOwner, isFlock: false);
        if ((file.Flags & OpenFlags.O_ACCMODE) == OpenFlags.O_RDONLY)
            return new(Errno.None);
        // Closing a duplicate is how a network file system's delayed write error comes to light now.
        var duplicate = Descriptors.Duplicate(file.Fd);
        return duplicate < 0 ? new(Errno.None) : Done(Descriptors.Close(duplicate));
    }

    public ValueTask<Errno> SyncAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly)
    {
        using var file = _handles.Acquire(handle);
        if (file.IsInvalid)
            return new(Errno.EBADF);
        return Done(dataOnly ? FileSpace.SyncData(file.Fd) : FileSpace.Sync(file.Fd));
    }

    public ValueTask<Errno> SyncDirectoryAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly) =>
        SyncAsync(request, node, handle, dataOnly);

    public ValueTask<Errno> AllocateAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, ulong length, uint mode)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        if (offset > long.MaxValue || length > long.MaxValue || offset + length > long.MaxValue)
            return new(Errno.EFBIG);
        using var file = _handles.Acquire(handle);
        if (file.IsInvalid)
            return new(Errno.EBADF);
        using var withoutSetId = KillsSetIdFor(request) ? KillSetId(file.Fd) : default;
        if (withoutSetId.IsError)
            return new(withoutSetId.Error);
        return ClearRemappedCapability(file.Fd) is var error and not Errno.None
            ? new(error)
            : Done(FileSpace.Allocate(file.Fd, (int)mode, (long)offset, (long)length));
    }

    public ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence)
    {
        // Others would move a position that nothing here uses and the guest keeps itself.
        if (whence is not (FileSpace.SEEK_DATA or FileSpace.SEEK_HOLE))
            return new(Errno.EINVAL);
        if (offset > long.MaxValue)
            return new(Errno.ENXIO);
        using var file = _handles.Acquire(handle);
        if (file.IsInvalid || file.IsDirectory)
            return new(Errno.EBADF);
        var result = FileSpace.Seek(file.Fd, (long)offset, (int)whence);
        return result < 0 ? new(result.ToErrno()) : new((ulong)result);
    }

    public unsafe ValueTask<Reply<ulong>> CopyRangeAsync(RequestContext request, in CopyRange copy)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        if (copy.Flags != 0)
            return new(Errno.EINVAL);
        if (copy.SourceOffset > long.MaxValue || copy.TargetOffset > long.MaxValue)
            return new(Errno.EOVERFLOW);
        using var source = _handles.Acquire(copy.SourceHandle);
        using var target = _handles.Acquire(copy.TargetHandle);
        if (source.IsInvalid || target.IsInvalid)
            return new(Errno.EBADF);
        using var withoutSetId = KillsSetIdFor(request) ? KillSetId(target.Fd) : default;
        if (withoutSetId.IsError)
            return new(withoutSetId.Error);
        if (ClearRemappedCapability(target.Fd) is var error and not Errno.None)
            return new(error);
        var (from, to) = ((long)copy.SourceOffset, (long)copy.TargetOffset);
        var result = FileSpace.CopyRange(source.Fd, &from, target.Fd, &to, (nuint)Math.Min(copy.Length, long.MaxValue), 0);
        return result < 0 ? new(result.ToErrno()) : new((ulong)result);
    }

    public unsafe ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node)
    {
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        Statfs status;
        var result = FileStatus.FileSystem(inode.Fd, &status);
        if (result < 0)
            return new(result.ToErrno());
        return new(new FileSystemStatistics
        {
            Blocks = status.Blocks,
            BlocksFree = status.BlocksFree,
            BlocksAvailable = status.BlocksAvailable,
            Files = status.Files,
            FilesFree = status.FilesFree,
            BlockSize = (uint)status.BlockSize,
            NameLength = (uint)status.NameLength,
            FragmentSize = (uint)(status.FragmentSize != 0 ? status.FragmentSize : status.BlockSize),
        });
    }

    public ValueTask<Errno> SyncFileSystemAsync(RequestContext request, NodeId node)
    {
        using var inode = _inodes.Acquire(node, needDescriptor: false);
        if (inode.IsError)
            return new(inode.Error);
        // A guest that knows of no mounts below the share asks for all with one question.
        if (!_options.AnnounceSubmounts)
            return Done(_mounts.SyncAll());
        var fd = _mounts[inode.Mount].Fd;
        return fd < 0 ? new(Errno.None) : Done(FileSpace.SyncFileSystem(fd));
    }

    static ValueTask<Reply<int>> Bytes(nint result) => result < 0 ? new(ToGuestError(result)) : new((int)result);

    nint WriteInPlace(int fd, long offset, IoBuffers from)
    {
        var result = from.WriteTo(fd, offset, RWF_NOAPPEND);
        if (result != -(nint)(int)Errno.EOPNOTSUPP)
            return result;
        // An older kernel: an open description of its own, without O_APPEND.
        var path = new DescriptorPath(fd);
        var plain = Reopen(ref path);
        if (plain < 0)
            return plain;
        result = from.WriteTo(plain, offset);
        _ = Descriptors.Close(plain);
        return result;
    }

    unsafe int Reopen(ref DescriptorPath path) =>
        Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), OpenFlags.O_WRONLY | OpenFlags.O_NOCTTY);

    /// <summary>
    /// For requests that cannot say whether their caller may keep setuid and setgid: only the guest's root may, and a caller who is not
    /// known (uid −1) is not root.
    /// </summary>
    bool KillsSetIdFor(RequestContext request) => _options.KillPrivileges && request.Caller.Uid != 0;
}
