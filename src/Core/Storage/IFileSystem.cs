using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Storage;

/// <summary>
/// What a backend implements: every operation of the FUSE protocol in neutral types. An operation that has its answer at
/// once returns a completed ValueTask and allocates nothing; one that must wait (network, a slow disk, a lock) returns an
/// incomplete one and honours <see cref="RequestContext.Cancellation"/>. Errors are returned, never thrown.
/// </summary>
/// <remarks>
/// Called from several queue threads at once. Names have been checked by the dispatcher (<see cref="RequestContext.Name"/>);
/// node ids and handles come from the guest and are the backend's to check (ESTALE or ENOENT, EBADF). Never answers ENOSYS,
/// which the kernel would remember for the whole session: EROFS, EOPNOTSUPP or ENODATA.
/// </remarks>
public interface IFileSystem : IAsyncDisposable
{
    FileSystemTraits Traits { get; }

    /// <summary>The session has ended: all lookups and handles are gone. No request is outstanding.</summary>
    void Reset();

    /// <summary>The guest gives back <paramref name="count"/> lookups; more than it had is clamped.</summary>
    void Forget(NodeId node, ulong count);

    /// <summary>Looks <see cref="RequestContext.Name"/> up; a negative entry, or ENOENT where the guest must not remember.</summary>
    ValueTask<Reply<Entry>> LookupAsync(RequestContext request, NodeId parent);

    /// <param name="request">Who asks.</param>
    /// <param name="node">The inode.</param>
    /// <param name="handle">The handle the call came through, or none.</param>
    ValueTask<Reply<AttributesReply>> GetAttributesAsync(RequestContext request, NodeId node, HandleId? handle);

    ValueTask<Reply<AttributesReply>> SetAttributesAsync(RequestContext request, NodeId node, in SetAttributes changes);

    /// <summary>Writes the target into <see cref="RequestContext.Scratch"/> of <paramref name="capacity"/> bytes and answers its length.</summary>
    ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity);

    /// <summary>Name: the link; second name: its target.</summary>
    ValueTask<Reply<Entry>> SymbolicLinkAsync(RequestContext request, NodeId parent);

    /// <param name="request">Names the new node.</param>
    /// <param name="parent">The directory.</param>
    /// <param name="mode">Type and permissions.</param>
    /// <param name="major">Device number, for device nodes.</param>
    /// <param name="minor">Device number, for device nodes.</param>
    /// <param name="umask">As in <see cref="OpenRequest.Umask"/>.</param>
    ValueTask<Reply<Entry>> MakeNodeAsync(RequestContext request, NodeId parent, uint mode, uint major, uint minor, uint umask);

    ValueTask<Reply<Entry>> MakeDirectoryAsync(RequestContext request, NodeId parent, uint mode, uint umask);

    ValueTask<Errno> UnlinkAsync(RequestContext request, NodeId parent);

    ValueTask<Errno> RemoveDirectoryAsync(RequestContext request, NodeId parent);

    /// <param name="request">Carries both names.</param>
    /// <param name="parent">The old directory.</param>
    /// <param name="newParent">The new one, in the same file system.</param>
    /// <param name="flags">RENAME_* (linux/fs.h), checked to be known.</param>
    ValueTask<Errno> RenameAsync(RequestContext request, NodeId parent, NodeId newParent, uint flags);

    /// <summary>Makes <see cref="RequestContext.Name"/> in <paramref name="newParent"/> a further name of <paramref name="node"/>.</summary>
    ValueTask<Reply<Entry>> LinkAsync(RequestContext request, NodeId node, NodeId newParent);

    ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open);

    /// <summary>Creates and opens <see cref="RequestContext.Name"/>, or opens it if it is there (unless O_EXCL).</summary>
    ValueTask<Reply<CreateReply>> CreateAsync(RequestContext request, NodeId parent, in OpenRequest open);

    /// <summary>Creates and opens a file with no name in <paramref name="parent"/> (O_TMPFILE).</summary>
    ValueTask<Reply<CreateReply>> CreateTemporaryAsync(RequestContext request, NodeId parent, in OpenRequest open);

    /// <summary>Reads at <paramref name="offset"/> into all of <paramref name="into"/>; answers the bytes read, fewer only at the end of the file.</summary>
    ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into);

    /// <summary>Writes all of <paramref name="from"/> at <paramref name="offset"/> (or at the end, for handles opened with O_APPEND).</summary>
    ValueTask<Reply<int>> WriteAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers from, WriteFlags flags);

    ValueTask<Errno> FlushAsync(RequestContext request, NodeId node, HandleId handle, ulong lockOwner);

    ValueTask<Errno> ReleaseAsync(RequestContext request, NodeId node, HandleId handle, in ReleaseRequest release);

    ValueTask<Errno> SyncAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly);

    ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags);

    /// <summary>Lists from <paramref name="offset"/> (0: the start, else an entry's nextOffset) until <paramref name="into"/> is full.</summary>
    ValueTask<Errno> ReadDirectoryAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, DirectoryWriter into);

    ValueTask<Errno> ReleaseDirectoryAsync(RequestContext request, NodeId node, HandleId handle);

    ValueTask<Errno> SyncDirectoryAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly);

    ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node);

    /// <summary>Sets the attribute <see cref="RequestContext.Name"/> to <see cref="RequestContext.SecondName"/>.</summary>
    /// <param name="request">Carries name and value.</param>
    /// <param name="node">The inode.</param>
    /// <param name="flags">XATTR_CREATE, XATTR_REPLACE.</param>
    /// <param name="clearSetGid">FUSE_SETXATTR_ACL_KILL_SGID.</param>
    ValueTask<Errno> SetXattrAsync(RequestContext request, NodeId node, int flags, bool clearSetGid);

    /// <summary>
    /// Writes the value of <see cref="RequestContext.Name"/> into <see cref="RequestContext.Scratch"/> of
    /// <paramref name="capacity"/> bytes and answers its length. Capacity 0 asks for the length alone; too small a capacity is ERANGE.
    /// </summary>
    ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity);

    /// <summary>As <see cref="GetXattrAsync"/>, for the NUL-terminated names of all attributes.</summary>
    ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity);

    ValueTask<Errno> RemoveXattrAsync(RequestContext request, NodeId node);

    /// <param name="request">Who asks.</param>
    /// <param name="node">The inode.</param>
    /// <param name="mask">R_OK, W_OK, X_OK (unistd.h).</param>
    ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask);

    /// <summary>The lock that stands in the way of <paramref name="wanted"/>, or one of type <see cref="FileLockType.Unlock"/>.</summary>
    ValueTask<Reply<FileLock>> GetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted);

    /// <summary>Takes, changes or drops a lock; with <paramref name="wait"/> the operation waits until it can.</summary>
    ValueTask<Errno> SetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted, bool wait);

    /// <param name="request">Who asks.</param>
    /// <param name="node">The inode.</param>
    /// <param name="handle">Open for writing.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="mode">FALLOC_FL_* (linux/falloc.h).</param>
    ValueTask<Errno> AllocateAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, ulong length, uint mode);

    /// <param name="request">Who asks.</param>
    /// <param name="node">The inode.</param>
    /// <param name="handle">An open file.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="whence">SEEK_DATA or SEEK_HOLE.</param>
    ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence);

    /// <summary>copy_file_range between two open files of this file system; answers the bytes copied.</summary>
    ValueTask<Reply<ulong>> CopyRangeAsync(RequestContext request, in CopyRange copy);

    /// <summary>syncfs of the file system that holds <paramref name="node"/>.</summary>
    ValueTask<Errno> SyncFileSystemAsync(RequestContext request, NodeId node);
}
