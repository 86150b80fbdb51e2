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
