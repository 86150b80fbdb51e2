using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Storage;

/// <summary>A file system that cannot be changed: answers EROFS to all that would change it and needs no handles.</summary>
public abstract class ReadOnlyFileSystem : IFileSystem
{
    public virtual FileSystemTraits Traits => FileSystemTraits.ReadOnly;

    public virtual void Reset()
    {
    }

    public virtual void Forget(NodeId node, ulong count)
    {
    }

    public abstract ValueTask<Reply<Entry>> LookupAsync(RequestContext request, NodeId parent);

    public abstract ValueTask<Reply<AttributesReply>> GetAttributesAsync(RequestContext request, NodeId node, HandleId? handle);

    public abstract ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity);

    public abstract ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into);

    public abstract ValueTask<Errno> ReadDirectoryAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, DirectoryWriter into);

    public abstract ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node);

    public abstract ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open);

    public abstract ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags);

    public abstract ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity);

    public abstract ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity);

    public abstract ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask);

    public abstract ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence);

    public virtual ValueTask<Errno> FlushAsync(RequestContext request, NodeId node, HandleId handle, ulong lockOwner) => new(Errno.None);

    public virtual ValueTask<Errno> ReleaseAsync(RequestContext request, NodeId node, HandleId handle, in ReleaseRequest release) => new(Errno.None);

    public virtual ValueTask<Errno> ReleaseDirectoryAsync(RequestContext request, NodeId node, HandleId handle) => new(Errno.None);

    public virtual ValueTask<Errno> SyncAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly) => new(Errno.None);

    public virtual ValueTask<Errno> SyncDirectoryAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly) => new(Errno.None);

    public virtual ValueTask<Errno> SyncFileSystemAsync(RequestContext request, NodeId node) => new(Errno.None);

    public ValueTask<Reply<AttributesReply>> SetAttributesAsync(RequestContext request, NodeId node, in SetAttributes changes) =>
        new(Errno.EROFS);

    public ValueTask<Reply<Entry>> SymbolicLinkAsync(RequestContext request, NodeId parent) => new(Errno.EROFS);

    public ValueTask<Reply<Entry>> MakeNodeAsync(RequestContext request, NodeId parent, uint mode, uint major, uint minor, uint umask) =>
        new(Errno.EROFS);

    public ValueTask<Reply<Entry>> MakeDirectoryAsync(RequestContext request, NodeId parent, uint mode, uint umask) => new(Errno.EROFS);

    public ValueTask<Errno> UnlinkAsync(RequestContext request, NodeId parent) => new(Errno.EROFS);

    public ValueTask<Errno> RemoveDirectoryAsync(RequestContext request, NodeId parent) => new(Errno.EROFS);

    public ValueTask<Errno> RenameAsync(RequestContext request, NodeId parent, NodeId newParent, uint flags) => new(Errno.EROFS);

    public ValueTask<Reply<Entry>> LinkAsync(RequestContext request, NodeId node, NodeId newParent) => new(Errno.EROFS);

    public ValueTask<Reply<CreateReply>> CreateAsync(RequestContext request, NodeId parent, in OpenRequest open) => new(Errno.EROFS);

    public ValueTask<Reply<CreateReply>> CreateTemporaryAsync(RequestContext request, NodeId parent, in OpenRequest open) => new(Errno.EROFS);

    public ValueTask<Reply<int>> WriteAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers from, WriteFlags flags) =>
        new(Errno.EROFS);

    public ValueTask<Errno> SetXattrAsync(RequestContext request, NodeId node, int flags, bool clearSetGid) => new(Errno.EROFS);

    public ValueTask<Errno> RemoveXattrAsync(RequestContext request, NodeId node) => new(Errno.EROFS);

    public ValueTask<Errno> AllocateAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, ulong length, uint mode) =>
        new(Errno.EROFS);

    public ValueTask<Reply<ulong>> CopyRangeAsync(RequestContext request, in CopyRange copy) => new(Errno.EROFS);

    /// <summary>Locks of a session without host-visible ones stay in the guest.</summary>
    public ValueTask<Reply<FileLock>> GetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted) =>
        new(Errno.EOPNOTSUPP);

    public ValueTask<Errno> SetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted, bool wait) =>
        new(Errno.EOPNOTSUPP);

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }
}
