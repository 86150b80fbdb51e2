using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Operations on directories.</summary>
public sealed partial class MemoryFileSystem
{
    public ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags) =>
        Answer<OpenReply>.Run(this, MemoryOperation.OpenDirectory, request, (This: this, node), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                return found.IsDirectory ? state.This.NewHandle(found) : (Reply<OpenReply>)Errno.ENOTDIR;
            }
        });

    /// <summary>Offsets: 1 and 2 follow the dots, an entry's position + 3 follows that entry.</summary>
    public ValueTask<Errno> ReadDirectoryAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, DirectoryWriter into) =>
        Run(MemoryOperation.ReadDirectory, request, (This: this, node, handle, offset, into), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This.TryHandle(state.node, state.handle, out var directory))
                    return Errno.EBADF;
                state.This.List(directory, state.offset, state.into);
                return Errno.None;
            }
        });

    public ValueTask<Errno> ReleaseDirectoryAsync(RequestContext request, NodeId node, HandleId handle) =>
        Run(MemoryOperation.ReleaseDirectory, request, (This: this, node, handle), static state => state.This.CloseHandle(state.node, state.handle));

    public ValueTask<Errno> SyncDirectoryAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly) =>
        Run(MemoryOperation.SyncDirectory, request, (This: this, node, handle), static state => state.This.CheckHandle(state.node, state.handle));

    void List(MemoryNode directory, ulong offset, DirectoryWriter into)
    {
        const uint DirectoryType = 4;
        if (offset == 0 && !into.Add("."u8, directory.Id, DirectoryType, 1))
            return;
        if (offset <= 1 && !into.Add(".."u8, (directory.Parent ?? directory).Id, DirectoryType, 2))
            return;
        for (var position = offset <= 2 ? 0 : offset - 2; position < (ulong)directory.Entries.Count; position++)
        {
            if (directory.Entries[(int)position] is not var (name, node))
                continue;
            if (!into.HasRoom(name.Length))
                return;
            var added = into.Plus
                ? into.Add(name, ToEntry(node), position + 3)
                : into.Add(name, node.Id, StatMode.ToDirectoryEntryType(node.Mode), position + 3);
            if (!added)
                return;
        }
    }
}
