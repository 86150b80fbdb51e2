using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Operations on names.</summary>
public sealed unsafe partial class MemoryFileSystem
{
    const uint RENAME_NOREPLACE = 1;
    const uint RENAME_EXCHANGE = 2;

    public ValueTask<Reply<Entry>> LookupAsync(RequestContext request, NodeId parent) =>
        Answer<Entry>.Run(this, MemoryOperation.Lookup, request, (This: this, request, parent), static state => state.This.Lookup(state.request, state.parent));

    public ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity) =>
        Answer<int>.Run(this, MemoryOperation.ReadLink, request, (This: this, request, node, capacity), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                if (!StatMode.IsSymbolicLink(found.Mode))
                    return Errno.EINVAL;
                var length = Math.Min(found.Target.Length, state.capacity);
                found.Target.AsSpan(0, length).CopyTo(new Span<byte>(state.request.Scratch(state.capacity), length));
                return length;
            }
        });

    public ValueTask<Reply<Entry>> SymbolicLinkAsync(RequestContext request, NodeId parent) =>
        Answer<Entry>.Run(this, MemoryOperation.SymbolicLink, request, (This: this, request, parent), static state =>
            state.This.MakeChild(state.request, state.parent, StatMode.SymbolicLink | 0x1FF, state.request.SecondName.Span));

    public ValueTask<Reply<Entry>> MakeNodeAsync(RequestContext request, NodeId parent, uint mode, uint major, uint minor, uint umask) =>
        Answer<Entry>.Run(this, MemoryOperation.MakeNode, request, (This: this, request, parent, mode: mode & ~umask, major, minor), static state =>
            state.This.MakeChild(state.request, state.parent, state.mode, default, state.major, state.minor));

    public ValueTask<Reply<Entry>> MakeDirectoryAsync(RequestContext request, NodeId parent, uint mode, uint umask) =>
        Answer<Entry>.Run(this, MemoryOperation.MakeDirectory, request, (This: this, request, parent, mode: mode & StatMode.PermissionMask & ~umask), static state =>
            state.This.MakeChild(state.request, state.parent, StatMode.Directory | state.mode, default));

    public ValueTask<Errno> UnlinkAsync(RequestContext request, NodeId parent) =>
        Run(MemoryOperation.Unlink, request, (This: this, request, parent), static state =>
            state.This.Remove(state.request, state.parent, directory: false));

    public ValueTask<Errno> RemoveDirectoryAsync(RequestContext request, NodeId parent) =>
        Run(MemoryOperation.RemoveDirectory, request, (This: this, request, parent), static state =>
            state.This.Remove(state.request, state.parent, directory: true));

    public ValueTask<Errno> RenameAsync(RequestContext request, NodeId parent, NodeId newParent, uint flags) =>
        Run(MemoryOperation.Rename, request, (This: this, request, parent, newParent, flags), static state =>
            state.This.Rename(state.request, state.parent, state.newParent, state.flags));

    public ValueTask<Reply<Entry>> LinkAsync(RequestContext request, NodeId node, NodeId newParent) =>
        Answer<Entry>.Run(this, MemoryOperation.Link, request, (This: this, request, node, newParent), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found) || !state.This.TryDirectory(state.newParent, out var directory))
                    return Errno.ESTALE;
                if (found.IsDirectory)
                    return Errno.EPERM;
                if (directory.Find(state.request.Name.Span) is not null)
                    return Errno.EEXIST;
                found.LinkCount++;
                directory.Put(state.request.Name.Span, found);
                return state.This.ToEntry(found);
            }
        });

    Reply<Entry> Lookup(RequestContext request, NodeId parent)
    {
        lock (_lock)
        {
            if (!_nodes.TryGetValue(parent.Value, out var directory))
                return Errno.ESTALE;
            if (!directory.IsDirectory)
                return Errno.ENOTDIR;
            if (directory.Find(request.Name.Span) is { } found)
                return ToEntry(found);
            return NegativeEntries ? Entry.Negative(Validity) : Errno.ENOENT;
        }
    }

    bool TryDirectory(NodeId node, out MemoryNode directory) =>
        _nodes.TryGetValue(node.Value, out directory!) && directory.IsDirectory;

    Reply<Entry> MakeChild(RequestContext request, NodeId parent, uint mode, ReadOnlySpan<byte> target, uint major = 0, uint minor = 0)
    {
        lock (_lock)
        {
            if (!TryDirectory(parent, out var directory))
                return Errno.ESTALE;
            if (directory.Find(request.Name.Span) is not null)
                return Errno.EEXIST;
            var node = MakeFor(request, directory, mode);
            node.Target = target.ToArray();
            node.DeviceMajor = major;
            node.DeviceMinor = minor;
            directory.Put(request.Name.Span, node);
            return ToEntry(node);
        }
    }

    MemoryNode MakeFor(RequestContext request, MemoryNode directory, uint mode)
    {
        LastCaller = request.Caller;
        LastSupplementaryGroup = request.SupplementaryGroup;
        LastLabels = request.Labels.IsEmpty ? [] : ToList(request.Labels);
        var node = Make(mode, request.Caller);
        if (!node.IsDirectory)
            return node;
        node.Parent = directory;
        directory.LinkCount++;
        return node;
    }

    static List<(string Name, byte[] Value)> ToList(in SecurityLabels labels)
    {
        var list = new List<(string, byte[])>();
        foreach (var label in labels)
            list.Add((label.Name.ToString(), label.Span.ToArray()));
        return list;
    }

    Errno Remove(RequestContext request, NodeId parent, bool directory)
    {
        lock (_lock)
        {
            if (!TryDirectory(parent, out var from))
                return Errno.ESTALE;
            if (from.Find(request.Name.Span) is not { } node)
                return Errno.ENOENT;
            if (node.IsDirectory != directory)
                return directory ? Errno.ENOTDIR : Errno.EISDIR;
            if (directory && node.Index!.Count > 0)
                return Errno.ENOTEMPTY;
            from.Remove(request.Name.Span);
            Unlinked(node, from);
            return Errno.None;
        }
    }

    void Unlinked(MemoryNode node, MemoryNode from)
    {
        if (node.IsDirectory)
        {
            from.LinkCount--;
            node.LinkCount = 0;
        }
        else
        {
            node.LinkCount--;
        }
        DropIfUnused(node);
    }

    Errno Rename(RequestContext request, NodeId parent, NodeId newParent, uint flags)
    {
        lock (_lock)
        {
            if (!TryDirectory(parent, out var from) || !TryDirectory(newParent, out var to))
                return Errno.ESTALE;
            if (from.Find(request.Name.Span) is not { } node)
                return Errno.ENOENT;
            var replaced = to.Find(request.SecondName.Span);
            if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0)
                return Errno.EINVAL;
            if ((flags & RENAME_EXCHANGE) != 0)
            {
                if (replaced is null)
                    return Errno.ENOENT;
                from.Put(request.Name.Span, replaced);
                to.Put(request.SecondName.Span, node);
                Moved(node, from, to);
                Moved(replaced, to, from);
                return Errno.None;
            }
            if (replaced is not null && (flags & RENAME_NOREPLACE) != 0)
                return Errno.EEXIST;
            if (replaced == node)
                return Errno.None;
            if (replaced is { IsDirectory: true } && replaced.Index!.Count > 0)
                return Errno.ENOTEMPTY;
            from.Remove(request.Name.Span);
            to.Put(request.SecondName.Span, node);
            if (replaced is not null)
                Unlinked(replaced, to);
            Moved(node, from, to);
            return Errno.None;
        }
    }

    static void Moved(MemoryNode node, MemoryNode from, MemoryNode to)
    {
        if (!node.IsDirectory)
            return;
        node.Parent = to;
        from.LinkCount--;
        to.LinkCount++;
    }
}
