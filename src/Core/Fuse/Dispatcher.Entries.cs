using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Names: looking them up, making, removing and moving them.</summary>
sealed partial class Dispatcher
{
    const uint RENAME_NOREPLACE = 1;
    const uint RENAME_EXCHANGE = 2;
    const uint RENAME_WHITEOUT = 4;

    bool Lookup(FuseRequest request, Mount mount, NodeId parent)
    {
        if (request.ReadName() is var error and not Errno.None)
            return request.Reply(error);
        var operation = mount.FileSystem.LookupAsync(request, parent);
        if (!router.IsPseudoRoot(mount) || !operation.IsCompletedSuccessfully)
            return Finish(request, mount, Told(request, mount, operation), ReplyEntry);
        // Only the pseudo root leads into other mounts; it never waits.
        var result = operation.Result;
        return !result.IsError && router.MountedOn(result.Value.Node) is { } mounted
            ? EnterMount(request, mounted)
            : ReplyTo(request, mount, result, ReplyEntry);
    }

    /// <summary>A mount point is answered with the root of what is mounted there; the name itself may not be cached, since it can be unmounted.</summary>
    bool EnterMount(FuseRequest request, Mount mounted) =>
        request.Hold(mounted)
            ? Finish(request, mounted, Told(request, mounted, NodeId.Root, mounted.FileSystem.GetAttributesAsync(request, NodeId.Root, null)), ReplyMountRoot)
            // It was unmounted since the name was found.
            : request.Reply(Errno.ENOENT);

    bool SymbolicLink(FuseRequest request, Mount mount, NodeId parent, NegotiatedSession session)
    {
        if (request.ReadName() is var error and not Errno.None)
            return request.Reply(error);
        if (request.ReadTarget() is var targetError and not Errno.None)
            return request.Reply(targetError);
        if (request.ReadTrailingLabels(session) is var malformed and not Errno.None)
            return request.Reply(malformed);
        return Finish(request, mount, mount.FileSystem.SymbolicLinkAsync(request, parent), ReplyEntry);
    }

    bool MakeNode(FuseRequest request, Mount mount, NodeId parent, NegotiatedSession session)
    {
        if (!request.Read(out MknodIn make))
            return request.Reply(Errno.EINVAL);
        if (request.ReadNewName(session) is var error and not Errno.None)
            return request.Reply(error);
        var (major, minor) = AbiConversions.DecodeDevice(make.Rdev);
        return Finish(request, mount, mount.FileSystem.MakeNodeAsync(request, parent, make.Mode, major, minor, Umask(session, make.Umask)), ReplyEntry);
    }

    bool MakeDirectory(FuseRequest request, Mount mount, NodeId parent, NegotiatedSession session)
    {
        if (!request.Read(out MkdirIn make))
            return request.Reply(Errno.EINVAL);
        if (request.ReadNewName(session) is var error and not Errno.None)
            return request.Reply(error);
        return Finish(request, mount, mount.FileSystem.MakeDirectoryAsync(request, parent, make.Mode, Umask(session, make.Umask)), ReplyEntry);
    }

    bool Unlink(FuseRequest request, Mount mount, NodeId parent) =>
        request.ReadName() is var error and not Errno.None ? request.Reply(error) : Finish(request, mount.FileSystem.UnlinkAsync(request, parent));

    bool RemoveDirectory(FuseRequest request, Mount mount, NodeId parent) =>
        request.ReadName() is var error and not Errno.None ? request.Reply(error) : Finish(request, mount.FileSystem.RemoveDirectoryAsync(request, parent));

    bool Rename(FuseRequest request, Mount mount, NodeId parent) =>
        request.Read(out RenameIn rename) ? Rename(request, mount, parent, rename.NewDirectory, 0) : request.Reply(Errno.EINVAL);

    bool Rename2(FuseRequest request, Mount mount, NodeId parent)
    {
        if (!request.Read(out Rename2In rename))
            return request.Reply(Errno.EINVAL);
        var flags = rename.Flags;
        var known = (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) == 0;
        var exclusive = (flags & RENAME_EXCHANGE) == 0 || (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) == 0;
        return known && exclusive ? Rename(request, mount, parent, rename.NewDirectory, flags) : request.Reply(Errno.EINVAL);
    }

    bool Rename(FuseRequest request, Mount mount, NodeId parent, ulong newDirectory, uint flags)
    {
        if (request.ReadName() is var error and not Errno.None)
            return request.Reply(error);
        if (request.ReadSecondName() is var secondError and not Errno.None)
            return request.Reply(secondError);
        if (!router.TryResolve(newDirectory, out var newMount, out var newParent))
            return request.Reply(Errno.ESTALE);
        return newMount != mount
            ? request.Reply(Errno.EXDEV)
            : Finish(request, mount.FileSystem.RenameAsync(request, parent, newParent, flags));
    }

    bool Link(FuseRequest request, Mount mount, NodeId newParent)
    {
        if (!request.Read(out LinkIn link))
            return request.Reply(Errno.EINVAL);
        if (request.ReadName() is var error and not Errno.None)
            return request.Reply(error);
        if (!router.TryResolve(link.OldNodeId, out var oldMount, out var node))
            return request.Reply(Errno.ESTALE);
        return oldMount != mount
            ? request.Reply(Errno.EXDEV)
            : Finish(request, mount, Told(request, mount, mount.FileSystem.LinkAsync(request, node, newParent)), ReplyEntry);
    }

    bool ReadLink(FuseRequest request, Mount mount, NodeId node)
    {
        // A target is under a page, whatever the room.
        var capacity = (int)Math.Min(request.Writable.Length, 4096);
        return Finish(request, mount, mount.FileSystem.ReadLinkAsync(request, node, capacity), ReplyScratch);
    }

    bool Forget(FuseRequest request)
    {
        if (request.Read(out ForgetIn forget))
            ForgetOne(request, request.Header.NodeId, forget.LookupCount);
        return request.NoReply();
    }

    bool BatchForget(FuseRequest request)
    {
        if (!request.Read(out BatchForgetIn batch))
            return request.NoReply();
        // A count that is larger than what came along ends at what came along.
        for (var i = 0u; i < batch.Count && request.Read(out ForgetOne one); i++)
            ForgetOne(request, one.NodeId, one.LookupCount);
        return request.NoReply();
    }

    void ForgetOne(FuseRequest request, ulong nodeId, ulong count)
    {
        if (router.TryResolve(nodeId, out var mount, out var node))
            request.Forget(mount, node, count);
    }

    /// <summary>Without DONT_MASK the guest has applied the umask already.</summary>
    static uint Umask(NegotiatedSession session, uint umask) => session.Has(InitFlags.DONT_MASK) ? umask & 0x1FF : 0;

    static bool ReplyEntry(FuseRequest request, Mount mount, in Entry entry)
    {
        AbiConversions.Write(entry, mount, request.ShownFlags, out EntryOut body);
        return request.Reply(body);
    }

    static bool ReplyMountRoot(FuseRequest request, Mount mount, in AttributesReply root)
    {
        var entry = new Entry { Node = NodeId.Root, Attributes = root.Attributes, AttributesValidity = root.Validity };
        return ReplyEntry(request, mount, entry);
    }

    static unsafe bool ReplyScratch(FuseRequest request, Mount mount, in int length) =>
        request.Reply(new ReadOnlySpan<byte>(request.Scratch(length), length));
}
