using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Operations on open files and their data.</summary>
public sealed partial class MemoryFileSystem
{
    const uint SEEK_DATA = 3;
    const uint SEEK_HOLE = 4;

    /// <summary>The largest file: keeps a test from filling the machine by a mistaken offset.</summary>
    const ulong MaxSize = 256 << 20;

    public ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open) =>
        Answer<OpenReply>.Run(this, MemoryOperation.Open, request, (This: this, node, open), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                if (!StatMode.IsRegular(found.Mode))
                    return Errno.EISDIR;
                state.This.LastOpenFlags = state.open.Flags;
                if ((state.open.Flags & OpenFlags.O_TRUNC) != 0)
                    found.Resize(0);
                return state.This.NewHandle(found);
            }
        });

    public ValueTask<Reply<CreateReply>> CreateAsync(RequestContext request, NodeId parent, in OpenRequest open) =>
        Answer<CreateReply>.Run(this, MemoryOperation.Create, request, (This: this, request, parent, open), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This.TryDirectory(state.parent, out var directory))
                    return Errno.ESTALE;
                state.This.LastOpenFlags = state.open.Flags;
                var node = directory.Find(state.request.Name.Span);
                if (node is not null && (state.open.Flags & OpenFlags.O_EXCL) != 0)
                    return Errno.EEXIST;
                if (node is null)
                {
                    node = state.This.MakeFor(state.request, directory, StatMode.Regular | (state.open.Mode & ~state.open.Umask));
                    directory.Put(state.request.Name.Span, node);
                }
                return new CreateReply { Entry = state.This.ToEntry(node), Open = state.This.NewHandle(node) };
            }
        });

    public ValueTask<Reply<CreateReply>> CreateTemporaryAsync(RequestContext request, NodeId parent, in OpenRequest open) =>
        Answer<CreateReply>.Run(this, MemoryOperation.CreateTemporary, request, (This: this, request, parent, open), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This.TryDirectory(state.parent, out var directory))
                    return Errno.ESTALE;
                var node = state.This.MakeFor(state.request, directory, StatMode.Regular | (state.open.Mode & ~state.open.Umask));
                node.LinkCount = 0;
                return new CreateReply { Entry = state.This.ToEntry(node), Open = state.This.NewHandle(node) };
            }
        });

    public ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into) =>
        Answer<int>.Run(this, MemoryOperation.Read, request, (This: this, node, handle, offset, into), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This.TryHandle(state.node, state.handle, out var found))
                    return Errno.EBADF;
                return state.offset >= (ulong)found.Size ? 0 : state.into.Write(Clip(found.Data[(int)state.offset..], state.into.Length));
            }
        });

    public ValueTask<Reply<int>> WriteAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers from, WriteFlags flags) =>
        Answer<int>.Run(this, MemoryOperation.Write, request, (This: this, node, handle, offset, from, flags), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This.TryHandle(state.node, state.handle, out var found))
                    return Errno.EBADF;
                var offset = (state.flags & WriteFlags.Append) != 0 ? (ulong)found.Size : state.offset;
                var length = (ulong)state.from.Length;
                if (offset > MaxSize || offset + length > MaxSize)
                    return Errno.EFBIG;
                if (offset + length > (ulong)found.Size)
                    found.Resize((int)(offset + length));
                found.ModifyTime = found.ChangeTime = Now();
                return state.from.CopyTo(found.Content.AsSpan((int)offset, (int)length));
            }
        });

    public ValueTask<Errno> FlushAsync(RequestContext request, NodeId node, HandleId handle, ulong lockOwner) =>
        Run(MemoryOperation.Flush, request, (This: this, node, handle), static state => state.This.CheckHandle(state.node, state.handle));

    public ValueTask<Errno> ReleaseAsync(RequestContext request, NodeId node, HandleId handle, in ReleaseRequest release) =>
        Run(MemoryOperation.Release, request, (This: this, node, handle), static state => state.This.CloseHandle(state.node, state.handle));

    public ValueTask<Errno> SyncAsync(RequestContext request, NodeId node, HandleId handle, bool dataOnly) =>
        Run(MemoryOperation.Sync, request, (This: this, node, handle), static state => state.This.CheckHandle(state.node, state.handle));

    public ValueTask<Errno> AllocateAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, ulong length, uint mode) =>
        Run(MemoryOperation.Allocate, request, (This: this, node, handle, offset, length, mode), static state =>
        {
            const uint KeepSize = 1;
            lock (state.This._lock)
            {
                if (!state.This.TryHandle(state.node, state.handle, out var found))
                    return Errno.EBADF;
                if (state.mode is not (0 or KeepSize))
                    return Errno.EOPNOTSUPP;
                if (state.offset + state.length > MaxSize)
                    return Errno.ENOSPC;
                if (state.mode == 0 && state.offset + state.length > (ulong)found.Size)
                    found.Resize((int)(state.offset + state.length));
                return Errno.None;
            }
        });

    public ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence) =>
        Answer<ulong>.Run(this, MemoryOperation.Seek, request, (This: this, node, handle, offset, whence), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This.TryHandle(state.node, state.handle, out var found))
                    return Errno.EBADF;
                if (state.offset >= (ulong)found.Size)
                    return Errno.ENXIO;
                return state.whence switch
                {
                    SEEK_DATA => state.offset,
                    SEEK_HOLE => (ulong)found.Size,
                    _ => (Reply<ulong>)Errno.EINVAL,
                };
            }
        });

    public ValueTask<Reply<ulong>> CopyRangeAsync(RequestContext request, in CopyRange copy) =>
        Answer<ulong>.Run(this, MemoryOperation.CopyRange, request, (This: this, copy), static state =>
        {
            ref readonly var copy = ref state.copy;
            lock (state.This._lock)
            {
                if (!state.This.TryHandle(copy.SourceNode, copy.SourceHandle, out var source)
                    || !state.This.TryHandle(copy.TargetNode, copy.TargetHandle, out var target))
                    return Errno.EBADF;
                if (copy.SourceOffset >= (ulong)source.Size)
                    return 0UL;
                var data = Clip(source.Data[(int)copy.SourceOffset..], (long)Math.Min(copy.Length, MaxSize)).ToArray();
                if (copy.TargetOffset + (ulong)data.Length > MaxSize)
                    return Errno.EFBIG;
                var end = (int)copy.TargetOffset + data.Length;
                if (end > target.Size)
                    target.Resize(end);
                data.CopyTo(target.Content.AsSpan((int)copy.TargetOffset));
                return (ulong)data.Length;
            }
        });

    static ReadOnlySpan<byte> Clip(ReadOnlySpan<byte> data, long length) => data.Length <= length ? data : data[..(int)length];

    OpenReply NewHandle(MemoryNode node)
    {
        var handle = _nextHandle++;
        _handles.Add(handle, node);
        node.Handles++;
        return new OpenReply { Handle = new HandleId(handle) };
    }

    /// <summary>Immutable sessions open nothing: any handle will do.</summary>
    bool TryHandle(NodeId node, HandleId handle, out MemoryNode found) =>
        (Traits & FileSystemTraits.Immutable) != 0
            ? _nodes.TryGetValue(node.Value, out found!)
            : _handles.TryGetValue(handle.Value, out found!) && found.Id == node.Value;

    Errno CheckHandle(NodeId node, HandleId handle)
    {
        lock (_lock)
            return TryHandle(node, handle, out _) ? Errno.None : Errno.EBADF;
    }

    Errno CloseHandle(NodeId node, HandleId handle)
    {
        lock (_lock)
        {
            if (!_handles.TryGetValue(handle.Value, out var found) || found.Id != node.Value)
                return Errno.EBADF;
            _handles.Remove(handle.Value);
            found.Handles--;
            DropIfUnused(found);
            return Errno.None;
        }
    }
}
