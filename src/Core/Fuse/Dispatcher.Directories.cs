using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Open directories and their listings.</summary>
sealed partial class Dispatcher
{
    bool OpenDirectory(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if ((session.Policy & SessionPolicy.NoOpen) != 0 && session.Has(InitFlags.NO_OPENDIR_SUPPORT))
            return request.Reply(Errno.ENOSYS);
        return request.Read(out OpenIn open)
            ? Finish(request, mount, mount.FileSystem.OpenDirectoryAsync(request, node, (int)open.Flags & s_openFlags), ReplyOpen)
            : request.Reply(Errno.EINVAL);
    }

    bool ReadDirectory(FuseRequest request, Mount mount, NodeId node, bool plus)
    {
        if (!request.Read(out ReadIn read))
            return request.Reply(Errno.EINVAL);
        request.Directory.Begin(mount, plus, read.Size, window.Current);
        var operation = mount.FileSystem.ReadDirectoryAsync(request, node, new HandleId(read.Handle), read.Offset, request.Directory);
        if (operation.IsCompletedSuccessfully)
            return ReplyListing(request, operation.Result);
        waiting.Add(request);
        _ = AwaitListingAsync(request, operation);
        return false;
    }

    bool ReleaseDirectory(FuseRequest request, Mount mount, NodeId node) =>
        request.Read(out ReleaseIn release)
            ? Finish(request, mount.FileSystem.ReleaseDirectoryAsync(request, node, new HandleId(release.Handle)))
            : request.Reply(Errno.EINVAL);

    bool SyncDirectory(FuseRequest request, Mount mount, NodeId node) =>
        request.Read(out FsyncIn sync)
            ? Finish(request, mount.FileSystem.SyncDirectoryAsync(request, node, new HandleId(sync.Handle), (sync.FsyncFlags & Protocol.FUSE_FSYNC_FDATASYNC) != 0))
            : request.Reply(Errno.EINVAL);

    async Task AwaitListingAsync(FuseRequest request, ValueTask<Errno> operation)
    {
        Errno error;
        try
        {
            error = await operation.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            error = ErrorOf(request, exception);
        }
        waiting.Remove(request);
        ReplyListing(request, error);
        End(request);
    }

    /// <summary>Entries that are in the guest's buffer count as looked up, so an error behind them must wait for the next call.</summary>
    static bool ReplyListing(FuseRequest request, Errno error) =>
        error != Errno.None && request.Directory.Length == 0 ? request.Reply(Kept(error)) : request.ReplyInPlace(request.Directory.Length);
}
