using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>
/// Mapped files that grow. A guest takes all that it once asked for to be mapped, so that whatever tells it of more than is mapped, on any queue,
/// waits until that is mapped too, or tells of less. Nothing is waited for or allocated where no mapped file could grow and the operation is done
/// at once. Looked at after the operation: a mapping that came before it was entered sees for itself what the file has grown by.
/// </summary>
sealed partial class Dispatcher
{
    /// <summary>Whether a file may be made to end somewhere: not always, where it is mapped.</summary>
    bool MayEnd(Mount mount, NodeId node, ulong end) => window.Current is not { HasTails: true } current || current.MayEnd(mount, node, end);

    /// <summary>What an operation that may have made a file end later waits for before its answer.</summary>
    ValueTask<Errno> Grown(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Errno> operation) =>
        window.Current is { } current && (!operation.IsCompletedSuccessfully || current.Lags(mount, node, end))
            ? GrownAsync(request, mount, node, end, operation, current)
            : operation;

    static async ValueTask<Errno> GrownAsync(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Errno> operation, DaxWindow window)
    {
        var error = await operation.ConfigureAwait(false);
        return error == Errno.None ? await GrowAsync(request, mount, node, end, window).ConfigureAwait(false) : error;
    }

    /// <inheritdoc cref="Grown(FuseRequest, Mount, NodeId, ulong, ValueTask{Errno})"/>
    ValueTask<Reply<AttributesReply>> Grown(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Reply<AttributesReply>> operation) =>
        window.Current is { } current && (!operation.IsCompletedSuccessfully || current.Lags(mount, node, end))
            ? GrownAsync(request, mount, node, end, operation, current)
            : operation;

    static async ValueTask<Reply<AttributesReply>> GrownAsync(
        FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Reply<AttributesReply>> operation, DaxWindow window)
    {
        var reply = await operation.ConfigureAwait(false);
        if (reply.IsError)
            return reply;
        var error = await GrowAsync(request, mount, node, end, window).ConfigureAwait(false);
        return error == Errno.None ? reply : error;
    }

    /// <summary>The same of a WRITE. What cannot be mapped of it is not written for the guest: a short count, an error where nothing can.</summary>
    ValueTask<Reply<int>> Written(FuseRequest request, Mount mount, NodeId node, ulong offset, ulong end, ValueTask<Reply<int>> operation) =>
        window.Current is { } current && (!operation.IsCompletedSuccessfully || current.Lags(mount, node, end))
            ? WrittenAsync(request, mount, node, offset, operation, current)
            : operation;

    static async ValueTask<Reply<int>> WrittenAsync(FuseRequest request, Mount mount, NodeId node, ulong offset, ValueTask<Reply<int>> operation, DaxWindow window)
    {
        var reply = await operation.ConfigureAwait(false);
        if (reply.IsError)
            return reply;
        var count = await SeenAsync(request, mount, node, offset, (ulong)reply.Value, window).ConfigureAwait(false);
        return count.IsError ? count.Error : (int)count.Value;
    }

    /// <summary>A WRITE to the end of a file whose end is mapped: not where that is another than the guest was told of (it cannot be told of bytes that cannot be
    /// mapped), for it would take its own to be elsewhere.</summary>
    async ValueTask<Reply<int>> AppendedAsync(FuseRequest request, Mount mount, NodeId node, WriteIn write, WriteFlags flags)
    {
        var attributes = await mount.FileSystem.GetAttributesAsync(request, node, null).ConfigureAwait(false);
        if (attributes.IsError)
            return attributes.Error;
        if (attributes.Value.Attributes.Size != write.Offset)
            return Errno.EOPNOTSUPP;
        var operation = mount.FileSystem.WriteAsync(request, node, new HandleId(write.Handle), write.Offset, request.Readable, flags);
        return await Written(request, mount, node, write.Offset, write.Offset + write.Size, operation).ConfigureAwait(false);
    }

    /// <summary>The same of what was copied into a file while it was being mapped.</summary>
    ValueTask<Reply<ulong>> Copied(FuseRequest request, Mount mount, NodeId node, ulong offset, ValueTask<Reply<ulong>> operation) =>
        window.Current is { } current && (!operation.IsCompletedSuccessfully || current.HasTails) ? CopiedAsync(request, mount, node, offset, operation, current) : operation;

    static async ValueTask<Reply<ulong>> CopiedAsync(FuseRequest request, Mount mount, NodeId node, ulong offset, ValueTask<Reply<ulong>> operation, DaxWindow window)
    {
        var reply = await operation.ConfigureAwait(false);
        return reply.IsError ? reply : await SeenAsync(request, mount, node, offset, reply.Value, window).ConfigureAwait(false);
    }

    /// <summary>How much of what was written the guest sees, once as much of it is mapped as can be.</summary>
    static async ValueTask<Reply<ulong>> SeenAsync(FuseRequest request, Mount mount, NodeId node, ulong offset, ulong count, DaxWindow window)
    {
        if (!window.HasTails || count == 0)
            return count;
        var error = await GrowAsync(request, mount, node, offset + count, window).ConfigureAwait(false);
        var end = window.Visible(mount, node, offset + count);
        if (end > offset)
            return end - offset;
        return error == Errno.None ? Errno.EOPNOTSUPP : error;
    }

    /// <summary>EAGAIN is for page faults, which Linux repeats; who writes knows EINTR.</summary>
    static async ValueTask<Errno> GrowAsync(FuseRequest request, Mount mount, NodeId node, ulong end, DaxWindow window)
    {
        var error = await window.GrowAsync(request, mount, node, end).ConfigureAwait(false);
        return error == Errno.EAGAIN ? Errno.EINTR : error;
    }

    /// <summary>Where a reply has a file's size.</summary>
    delegate ref ulong SizeOf<T>(ref T reply)
        where T : struct;

    /// <summary>Attributes as the guest may be told them.</summary>
    ValueTask<Reply<AttributesReply>> Told(FuseRequest request, Mount mount, NodeId node, ValueTask<Reply<AttributesReply>> operation) =>
        Told(request, mount, node, operation, static (asked, _) => asked, static (ref reply) => ref reply.Attributes.Size);

    /// <inheritdoc cref="Told(FuseRequest, Mount, NodeId, ValueTask{Reply{AttributesReply}})"/>
    ValueTask<Reply<Entry>> Told(FuseRequest request, Mount mount, ValueTask<Reply<Entry>> operation) =>
        Told(request, mount, default, operation, static (_, entry) => entry.Node, static (ref entry) => ref entry.Attributes.Size);

    /// <inheritdoc cref="Told(FuseRequest, Mount, NodeId, ValueTask{Reply{AttributesReply}})"/>
    ValueTask<Reply<CreateReply>> Told(FuseRequest request, Mount mount, ValueTask<Reply<CreateReply>> operation) =>
        Told(request, mount, default, operation, static (_, made) => made.Entry.Node, static (ref made) => ref made.Entry.Attributes.Size);

    ValueTask<Reply<T>> Told<T>(
        FuseRequest request, Mount mount, NodeId asked, ValueTask<Reply<T>> operation, Func<NodeId, T, NodeId> nodeOf, SizeOf<T> sizeOf)
        where T : struct =>
        window.Current is { } current && (!operation.IsCompletedSuccessfully || current.HasTails)
            ? ToldAsync(request, mount, asked, operation, nodeOf, sizeOf, current)
            : operation;

    static async ValueTask<Reply<T>> ToldAsync<T>(
        FuseRequest request, Mount mount, NodeId asked, ValueTask<Reply<T>> operation, Func<NodeId, T, NodeId> nodeOf, SizeOf<T> sizeOf, DaxWindow window)
        where T : struct
    {
        var reply = await operation.ConfigureAwait(false);
        if (reply.IsError)
            return reply;
        var told = reply.Value;
        var size = await window.ShowAsync(request, mount, nodeOf(asked, told), sizeOf(ref told)).ConfigureAwait(false);
        sizeOf(ref told) = size;
        return told;
    }
}
