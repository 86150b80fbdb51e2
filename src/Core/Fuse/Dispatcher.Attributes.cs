using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>What is known of an inode and of its file system.</summary>
sealed partial class Dispatcher
{
    bool GetAttributes(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out GetAttrIn get))
            return request.Reply(Errno.EINVAL);
        HandleId? handle = (get.Flags & Protocol.FUSE_GETATTR_FH) != 0 ? new HandleId(get.Handle) : null;
        return Finish(request, mount, Told(request, mount, node, mount.FileSystem.GetAttributesAsync(request, node, handle)), ReplyAttributes);
    }

    bool Statx(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out StatxIn get))
            return request.Reply(Errno.EINVAL);
        HandleId? handle = (get.GetAttrFlags & Protocol.FUSE_GETATTR_FH) != 0 ? new HandleId(get.Handle) : null;
        return Finish(request, mount, Told(request, mount, node, mount.FileSystem.GetAttributesAsync(request, node, handle)), ReplyStatx);
    }

    bool SetAttributes(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out SetAttrIn set))
            return request.Reply(Errno.EINVAL);
        if (set.AtimeNsec >= 1_000_000_000 || set.MtimeNsec >= 1_000_000_000 || set.CtimeNsec >= 1_000_000_000)
            return request.Reply(Errno.EINVAL);
        if ((set.Valid & (uint)SetAttributesValid.Size) != 0 && set.Size > long.MaxValue)
            return request.Reply(Errno.EFBIG);
        var resized = (set.Valid & (uint)SetAttributesValid.Size) != 0;
        if (resized && !MayEnd(mount, node, set.Size))
            return request.Reply(Errno.EOPNOTSUPP);
        var operation = mount.FileSystem.SetAttributesAsync(request, node, AbiConversions.Read(set));
        return Finish(request, mount, Told(request, mount, node, resized ? Grown(request, mount, node, set.Size, operation) : operation), ReplyAttributes);
    }

    bool Access(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out AccessIn access) || access.Mask > 7)
            return request.Reply(Errno.EINVAL);
        return Finish(request, mount.FileSystem.AccessAsync(request, node, (int)access.Mask));
    }

    bool StatFs(FuseRequest request, Mount mount, NodeId node) =>
        Finish(request, mount, mount.FileSystem.StatisticsAsync(request, node), ReplyStatistics);

    bool SyncFileSystem(FuseRequest request, Mount mount, NodeId node) =>
        request.Read(out SyncfsIn _) ? Finish(request, mount.FileSystem.SyncFileSystemAsync(request, node)) : request.Reply(Errno.EINVAL);

    static bool ReplyAttributes(FuseRequest request, Mount mount, in AttributesReply attributes)
    {
        AbiConversions.Write(attributes, mount, request.ShownFlags, out AttrOut body);
        return request.Reply(body);
    }

    static bool ReplyStatx(FuseRequest request, Mount mount, in AttributesReply attributes)
    {
        AbiConversions.Write(attributes, mount, out StatxOut body);
        return request.Reply(body);
    }

    static bool ReplyStatistics(FuseRequest request, Mount mount, in FileSystemStatistics statistics)
    {
        AbiConversions.Write(statistics, out StatfsOut body);
        return request.Reply(body);
    }
}
