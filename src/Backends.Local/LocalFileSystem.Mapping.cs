using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Backends.Local;

/// <summary>
/// Files in a guest's window: the host's own page cache. A VMM maps whole pages that a file has, so that the range in which a file ends within
/// a page cannot be mapped; the guest would find nothing in the rest of it.
/// </summary>
partial class LocalFileSystem
{
    const uint AnyExecute = 0x49;

    /// <inheritdoc/>
    public ValueTask<Errno> LendAsync(CancellationToken cancellation) => new(Errno.EOPNOTSUPP);

    /// <inheritdoc/>
    public unsafe ValueTask<Reply<MappedExtent>> MapAsync(RequestContext request, NodeId node, ulong offset, ulong length, MapAccess access, bool asWritable)
    {
        if (access == MapAccess.ReadWrite && _options.ReadOnly)
            return new(Errno.EROFS);
        using var inode = _inodes.Acquire(node, needDescriptor: false);
        if (inode.IsError)
            return new(inode.Error);
        if (!inode.IsRegular)
            return new(inode.IsDirectory ? Errno.EISDIR : Errno.EACCES);
        var fd = OpenToMap(inode, access == MapAccess.ReadWrite ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY);
        if (fd < 0)
            return new(ToGuestError(fd));
        Statx status;
        var result = FileStatus.Get(fd, FileStatus.STATX_BASIC_STATS, &status);
        var error = result < 0 ? ToGuestError(result) : CanMap(status.Size, offset, length) ? Errno.None : Errno.ENXIO;
        var writable = access == MapAccess.ReadWrite || (error == Errno.None && TryMakeWritable(inode, status.Mode, asWritable, ref fd));
        // A copy would not see what others write.
        if (error == Errno.None && asWritable && !writable)
            error = Errno.ENXIO;
        if (error != Errno.None)
        {
            _ = Descriptors.Close(fd);
            return new(error);
        }
        var mapped = Math.Min(length, status.Size - offset);
        return new(new MappedExtent
        {
            Descriptor = fd,
            IsCallersDescriptor = true,
            FileOffset = offset,
            Length = mapped,
            GrowthLength = length - mapped,
            IsWritable = writable,
        });
    }

    /// <summary>Nothing is kept: what becomes of a file on the host is seen by the guest.</summary>
    public void Unmap(in MappedExtent extent)
    {
    }

    static bool CanMap(ulong size, ulong offset, ulong length) =>
        offset < size && (length <= size - offset || DaxRange.IsAligned(size));

    /// <summary>
    /// A guest that begins to write would have its mapping made anew, and for a moment nothing would be where its other processors read. So it may
    /// be written to from the beginning, but for programs: who has one open for writing keeps the host from executing it.
    /// </summary>
    bool TryMakeWritable(in InodeReference inode, uint mode, bool evenPrograms, ref int fd)
    {
        if (_options.ReadOnly || ((mode & AnyExecute) != 0 && !evenPrograms))
            return false;
        var writable = OpenToMap(inode, OpenFlags.O_RDWR);
        if (writable < 0)
            return false;
        _ = Descriptors.Close(fd);
        fd = writable;
        return true;
    }

    /// <summary>Open for as long as the VMM takes to have it too.</summary>
    int OpenToMap(in InodeReference inode, int flags)
    {
        var fd = OpenForIo(inode, flags);
        return fd is -(int)Errno.EMFILE && _inodes.Cache.TryEvict() ? OpenForIo(inode, flags) : fd;
    }
}
