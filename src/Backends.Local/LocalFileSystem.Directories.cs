using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    public unsafe ValueTask<Errno> ReadDirectoryAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, DirectoryWriter into)
    {
        using var directory = _inodes.Acquire(node, needDescriptor: false);
        if (directory.IsError)
            return new(directory.Error);
        using var open = _handles.Acquire(handle);
        if (open.IsInvalid)
            return new(Errno.EBADF);
        if (!open.IsDirectory)
            return new(Errno.ENOTDIR);
        var stream = open.Stream;
        lock (stream.Lock)
        {
            var result = stream.Seek(open.Fd, (long)offset);
            if (result < 0)
                return new(result.ToErrno());
            var added = false;
            while (true)
            {
                var record = stream.Current;
                if (record == null)
                {
                    result = stream.Fill(open.Fd);
                    if (result > 0)
                        continue;
                    // What was listed before an error is delivered; the next call meets the error again.
                    return new(result == 0 || added ? Errno.None : result.ToErrno());
                }
                var name = (byte*)record + DirectoryRecord.NameOffset;
                var length = new ReadOnlySpan<byte>(name, record->RecordLength - DirectoryRecord.NameOffset).IndexOf((byte)0);
                if (!into.HasRoom(length))
                    return new(added ? Errno.None : Errno.EINVAL);
                if (!List(directory, open.Fd, record, name, length, into, ref added))
                    return new(added ? Errno.None : Errno.EINVAL);
                stream.Advance();
            }
        }
    }

    /// <summary>Adds an entry to a listing, unless it is gone. False if it does not fit after all.</summary>
    unsafe bool List(
        in InodeReference directory, int fd, DirectoryRecord* record, byte* name, int length, DirectoryWriter into, ref bool added)
    {
        var bytes = new ReadOnlySpan<byte>(name, length);
        var next = (ulong)record->NextOffset;
        var isDots = bytes is [(byte)'.'] or [(byte)'.', (byte)'.'];
        if (into.Plus && !isDots)
        {
            var error = Lookup(directory, fd, name, out var entry);
            if (error == Errno.None)
            {
                if (into.Add(bytes, entry, next))
                    return added = true;
                _inodes.Forget(entry.Node, 1);
                return false;
            }
            // Removed since the listing was read.
            if (error == Errno.ENOENT)
                return true;
        }
        // Above the root there is nothing: its ".." is itself.
        var ino = directory.Index == InodeTable.RootIndex && isDots ? directory.Slot->Ino : record->Ino;
        var fits = into.Add(bytes, _numbers.Map(_mounts[directory.Mount], ino), record->Type, next);
        added |= fits;
        return fits;
    }
}
