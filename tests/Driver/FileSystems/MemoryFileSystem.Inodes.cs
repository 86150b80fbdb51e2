using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Operations on inodes, their attributes and the file system.</summary>
public sealed unsafe partial class MemoryFileSystem
{
    const int XATTR_CREATE = 1;
    const int XATTR_REPLACE = 2;

    public ValueTask<Reply<AttributesReply>> GetAttributesAsync(RequestContext request, NodeId node, HandleId? handle) =>
        Answer<AttributesReply>.Run(this, MemoryOperation.GetAttributes, request, (This: this, node), static state =>
        {
            lock (state.This._lock)
            {
                return state.This._nodes.TryGetValue(state.node.Value, out var found)
                    ? new AttributesReply { Attributes = ToAttributes(found), Validity = state.This.Validity }
                    : (Reply<AttributesReply>)Errno.ESTALE;
            }
        });

    public ValueTask<Reply<AttributesReply>> SetAttributesAsync(RequestContext request, NodeId node, in SetAttributes changes) =>
        Answer<AttributesReply>.Run(this, MemoryOperation.SetAttributes, request, (This: this, node, changes), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                var error = Apply(found, state.changes);
                return error == Errno.None
                    ? new AttributesReply { Attributes = ToAttributes(found), Validity = state.This.Validity }
                    : (Reply<AttributesReply>)error;
            }
        });

    public ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node) =>
        Answer<FileSystemStatistics>.Run(this, MemoryOperation.Statistics, request, this, static self =>
        {
            lock (self._lock)
                return new FileSystemStatistics
                {
                    Blocks = 1 << 20, BlocksFree = 1 << 19, BlocksAvailable = 1 << 19, BlockSize = 4096, FragmentSize = 4096,
                    Files = 1 << 20, FilesFree = (1 << 20) - (ulong)self._nodes.Count, NameLength = 255,
                };
        });

    public ValueTask<Errno> SyncFileSystemAsync(RequestContext request, NodeId node) =>
        Run(MemoryOperation.SyncFileSystem, request, this, static _ => Errno.None);

    public ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask) =>
        Run(MemoryOperation.Access, request, (This: this, node), static state =>
        {
            lock (state.This._lock)
                return state.This._nodes.ContainsKey(state.node.Value) ? Errno.None : Errno.ESTALE;
        });

    public ValueTask<Errno> SetXattrAsync(RequestContext request, NodeId node, int flags, bool clearSetGid) =>
        Run(MemoryOperation.SetXattr, request, (This: this, request, node, flags, clearSetGid), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                var name = state.request.Name.Span.ToArray();
                if (state.flags == XATTR_CREATE && found.Xattrs.ContainsKey(name))
                    return Errno.EEXIST;
                if (state.flags == XATTR_REPLACE && !found.Xattrs.ContainsKey(name))
                    return Errno.ENODATA;
                found.Xattrs[name] = state.request.SecondName.Span.ToArray();
                if (state.clearSetGid)
                    found.Mode &= ~StatMode.SetGid;
                return Errno.None;
            }
        });

    public ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity) =>
        Answer<int>.Run(this, MemoryOperation.GetXattr, request, (This: this, request, node, capacity), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                return found.Xattrs.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(state.request.Name.Span, out var value)
                    ? ToScratch(state.request, value, state.capacity)
                    : Errno.ENODATA;
            }
        });

    public ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity) =>
        Answer<int>.Run(this, MemoryOperation.ListXattr, request, (This: this, request, node, capacity), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                byte[] names = [.. found.Xattrs.Keys.SelectMany(name => name.Append((byte)0))];
                return ToScratch(state.request, names, state.capacity);
            }
        });

    public ValueTask<Errno> RemoveXattrAsync(RequestContext request, NodeId node) =>
        Run(MemoryOperation.RemoveXattr, request, (This: this, request, node), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                return found.Xattrs.Remove(state.request.Name.Span.ToArray()) ? Errno.None : Errno.ENODATA;
            }
        });

    static Reply<int> ToScratch(RequestContext request, byte[] value, int capacity)
    {
        if (capacity == 0)
            return value.Length;
        if (value.Length > capacity)
            return Errno.ERANGE;
        value.CopyTo(new Span<byte>(request.Scratch(capacity), capacity));
        return value.Length;
    }

    static Errno Apply(MemoryNode node, in SetAttributes changes)
    {
        var valid = changes.Valid;
        if ((valid & SetAttributesValid.Size) != 0)
        {
            if (node.IsDirectory)
                return Errno.EISDIR;
            if (changes.Size > MaxSize)
                return Errno.EFBIG;
            node.Resize((int)changes.Size);
        }
        if ((valid & SetAttributesValid.Mode) != 0)
            node.Mode = (node.Mode & StatMode.TypeMask) | (changes.Mode & StatMode.PermissionMask);
        if ((valid & SetAttributesValid.Uid) != 0)
            node.Uid = changes.Uid;
        if ((valid & SetAttributesValid.Gid) != 0)
            node.Gid = changes.Gid;
        if ((valid & SetAttributesValid.AccessTime) != 0)
            node.AccessTime = (valid & SetAttributesValid.AccessTimeNow) != 0 ? Now() : changes.AccessTime;
        if ((valid & SetAttributesValid.ModifyTime) != 0)
            node.ModifyTime = (valid & SetAttributesValid.ModifyTimeNow) != 0 ? Now() : changes.ModifyTime;
        if ((valid & SetAttributesValid.ChangeTime) != 0)
            node.ChangeTime = changes.ChangeTime;
        return Errno.None;
    }
}
