using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Extended attributes.</summary>
sealed partial class Dispatcher
{
    /// <summary>XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h.</summary>
    const int MaxXattr = 65536;

    const uint XATTR_CREATE = 1;
    const uint XATTR_REPLACE = 2;

    bool SetXattr(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if (!HasXattrs(request, session))
            return request.Reply(Errno.ENOSYS);
        SetXattrIn set = default;
        if (session.Has(InitFlags.SETXATTR_EXT))
        {
            if (!request.Read(out set))
                return request.Reply(Errno.EINVAL);
        }
        else
        {
            if (!request.Read(out SetXattrInCompat compat))
                return request.Reply(Errno.EINVAL);
            set.Size = compat.Size;
            set.Flags = compat.Flags;
        }
        if ((set.Flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
            return request.Reply(Errno.EINVAL);
        if (request.ReadXattrName() is var error and not Errno.None)
            return request.Reply(error);
        if (request.ReadXattrValue(set.Size) is var valueError and not Errno.None)
            return request.Reply(valueError);
        var clearSetGid = (set.SetXattrFlags & Protocol.FUSE_SETXATTR_ACL_KILL_SGID) != 0;
        return Finish(request, mount.FileSystem.SetXattrAsync(request, node, (int)set.Flags, clearSetGid));
    }

    bool GetXattr(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if (!HasXattrs(request, session))
            return request.Reply(Errno.ENOSYS);
        if (!request.Read(out GetXattrIn get))
            return request.Reply(Errno.EINVAL);
        if (request.ReadXattrName() is var error and not Errno.None)
            return request.Reply(error);
        return get.Size == 0
            ? Finish(request, mount, mount.FileSystem.GetXattrAsync(request, node, 0), ReplyXattrSize)
            : Finish(request, mount, mount.FileSystem.GetXattrAsync(request, node, Capacity(request, get)), ReplyScratch);
    }

    bool ListXattr(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if (!HasXattrs(request, session))
            return request.Reply(Errno.ENOSYS);
        if (!request.Read(out GetXattrIn list))
            return request.Reply(Errno.EINVAL);
        return list.Size == 0
            ? Finish(request, mount, mount.FileSystem.ListXattrAsync(request, node, 0), ReplyXattrSize)
            : Finish(request, mount, mount.FileSystem.ListXattrAsync(request, node, Capacity(request, list)), ReplyScratch);
    }

    bool RemoveXattr(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if (!HasXattrs(request, session))
            return request.Reply(Errno.ENOSYS);
        return request.ReadXattrName() is var error and not Errno.None
            ? request.Reply(error)
            : Finish(request, mount.FileSystem.RemoveXattrAsync(request, node));
    }

    static bool HasXattrs(FuseRequest request, NegotiatedSession session)
    {
        request.SetGuestObeysAcls(session.Has(InitFlags.POSIX_ACL));
        return (session.Policy & SessionPolicy.NoXattr) == 0;
    }

    /// <summary>Never 0, which would ask for the size alone: too little room is ERANGE.</summary>
    static int Capacity(FuseRequest request, in GetXattrIn get) =>
        (int)Math.Max(Math.Min(Math.Min(get.Size, request.Writable.Length), MaxXattr), 1);

    static bool ReplyXattrSize(FuseRequest request, Mount mount, in int size) => request.Reply(new GetXattrOut { Size = (uint)size });
}
