using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>DAX: files in the guest's window. A session that has none does not know these operations.</summary>
sealed partial class Dispatcher
{
    bool SetupMapping(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if (!session.Has(InitFlags.MAP_ALIGNMENT))
            return request.Reply(Errno.ENOSYS);
        if (!request.Read(out SetupMappingIn setup) || (setup.Flags & ~(Protocol.FUSE_SETUPMAPPING_FLAG_WRITE | Protocol.FUSE_SETUPMAPPING_FLAG_READ)) != 0)
            return request.Reply(Errno.EINVAL);
        if (mount.FileSystem is not IMappable files)
            return request.Reply(Errno.EOPNOTSUPP);
        // The session goes on at another VMM, which lends no window.
        if (window.Current is not { } current)
            return request.Reply(Errno.EIO);
        var access = (setup.Flags & Protocol.FUSE_SETUPMAPPING_FLAG_WRITE) != 0 ? MapAccess.ReadWrite : MapAccess.Read;
        return Finish(request, current.SetupAsync(request, mount, files, node, new MappingPlace(setup.WindowOffset, setup.FileOffset, setup.Length, access), session.Has(InitFlags.HAS_INODE_DAX)));
    }

    /// <summary>Whether a file may be made to end somewhere: not always, where it is mapped.</summary>
    bool MayEnd(Mount mount, NodeId node, ulong end) => window.Current is not { HasTails: true } current || current.MayEnd(mount, node, end);

    /// <summary>What an operation that may have made a file end later waits for before its answer.</summary>
    ValueTask<Reply<T>> Grown<T>(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Reply<T>> operation)
        where T : struct =>
        window.Current is { HasTails: true } current && current.Lags(mount, node, end) ? GrowAsync(request, mount, node, end, operation, current) : operation;

    static async ValueTask<Reply<T>> GrowAsync<T>(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Reply<T>> operation, DaxWindow window)
        where T : struct
    {
        var reply = await operation.ConfigureAwait(false);
        if (reply.IsError)
            return reply;
        var error = await window.GrowAsync(request, mount, node, end).ConfigureAwait(false);
        return error == Errno.None ? reply : error;
    }

    /// <inheritdoc cref="Grown{T}"/>
    ValueTask<Errno> Grown(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Errno> operation) =>
        window.Current is { HasTails: true } current && current.Lags(mount, node, end) ? GrowAsync(request, mount, node, end, operation, current) : operation;

    static async ValueTask<Errno> GrowAsync(FuseRequest request, Mount mount, NodeId node, ulong end, ValueTask<Errno> operation, DaxWindow window)
    {
        var error = await operation.ConfigureAwait(false);
        return error == Errno.None ? await window.GrowAsync(request, mount, node, end).ConfigureAwait(false) : error;
    }

    /// <summary>Of any mounts, also of ones that are gone: the window's places are meant, and the node is not looked at.</summary>
    bool RemoveMapping(FuseRequest request, NegotiatedSession session)
    {
        if (!session.Has(InitFlags.MAP_ALIGNMENT))
            return request.Reply(Errno.ENOSYS);
        if (!request.Read(out RemoveMappingIn remove) || remove.Count == 0
            || remove.Count * (ulong)System.Runtime.CompilerServices.Unsafe.SizeOf<RemoveMappingOne>() != (ulong)request.Remaining)
        {
            return request.Reply(Errno.EINVAL);
        }
        return Finish(request, window.Current is { } current ? RemoveAsync(request, current) : new(Errno.EIO));
    }

    /// <summary>One after the other; the first error is the answer, and the others are removed all the same.</summary>
    static async ValueTask<Errno> RemoveAsync(FuseRequest request, DaxWindow window)
    {
        var first = Errno.None;
        while (request.Read(out RemoveMappingOne one))
        {
            var error = await window.RemoveAsync(request, one.WindowOffset, one.Length).ConfigureAwait(false);
            if (first == Errno.None)
                first = error;
        }
        return first;
    }
}
