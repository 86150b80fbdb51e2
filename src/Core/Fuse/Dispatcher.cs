using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>
/// Decodes a request, checks it, finds its file system and writes what that answers. An operation that completes at once
/// is answered on the caller's thread with no allocation; another one is awaited.
/// </summary>
/// <remarks>Every method returns true when the request is finished, false when it is awaited.</remarks>
sealed partial class Dispatcher(Router router, SessionOptions options, WaitingRequests waiting, SessionWindow window, ILogger logger)
{
    /// <summary>Writes a value's reply. Always a static method, so that no delegate is made per request.</summary>
    delegate bool Replier<T>(FuseRequest request, Mount mount, in T value);

    public bool Dispatch(FuseRequest request, NegotiatedSession session)
    {
        if (request.Header.TotalExtensionLength != 0 && session.Has(InitFlags.CREATE_SUPP_GROUP | InitFlags.SECURITY_CTX)
            && request.ReadExtensions(session) is var malformed and not Errno.None)
        {
            return request.Reply(malformed);
        }

        request.ShownFlags = NodeAttributeFlags.Submount | (session.Has(InitFlags.HAS_INODE_DAX) ? window.Shown() : NodeAttributeFlags.None);
        switch (request.Opcode)
        {
            case Opcode.FUSE_FORGET:
                return Forget(request);
            case Opcode.FUSE_BATCH_FORGET:
                return BatchForget(request);
            case Opcode.FUSE_COPY_FILE_RANGE:
                return CopyFileRange(request, wide: false);
            case Opcode.FUSE_COPY_FILE_RANGE_64:
                return CopyFileRange(request, wide: true);
            case Opcode.FUSE_REMOVEMAPPING:
                return RemoveMapping(request, session);
            case Opcode.FUSE_NOTIFY_REPLY:
                return request.NoReply();
            case Opcode.FUSE_IOCTL:
            case Opcode.FUSE_POLL:
            case Opcode.FUSE_BMAP:
                return request.Reply(Errno.ENOSYS);
            default:
                break;
        }

        if (!router.TryResolve(request.Header.NodeId, out var mount, out var node) || !request.Hold(mount))
            return request.Reply(Errno.ESTALE);
        return request.Opcode switch
        {
            Opcode.FUSE_LOOKUP => Lookup(request, mount, node),
            Opcode.FUSE_GETATTR => GetAttributes(request, mount, node),
            Opcode.FUSE_SETATTR => SetAttributes(request, mount, node),
            Opcode.FUSE_STATX => Statx(request, mount, node),
            Opcode.FUSE_ACCESS => Access(request, mount, node),
            Opcode.FUSE_STATFS => StatFs(request, mount, node),
            Opcode.FUSE_READLINK => ReadLink(request, mount, node),
            Opcode.FUSE_SYMLINK => SymbolicLink(request, mount, node, session),
            Opcode.FUSE_MKNOD => MakeNode(request, mount, node, session),
            Opcode.FUSE_MKDIR => MakeDirectory(request, mount, node, session),
            Opcode.FUSE_UNLINK => Unlink(request, mount, node),
            Opcode.FUSE_RMDIR => RemoveDirectory(request, mount, node),
            Opcode.FUSE_RENAME => Rename(request, mount, node),
            Opcode.FUSE_RENAME2 => Rename2(request, mount, node),
            Opcode.FUSE_LINK => Link(request, mount, node),
            Opcode.FUSE_OPEN => Open(request, mount, node, session),
            Opcode.FUSE_CREATE => Create(request, mount, node, session),
            Opcode.FUSE_TMPFILE => CreateTemporary(request, mount, node, session),
            Opcode.FUSE_READ => Read(request, mount, node),
            Opcode.FUSE_WRITE => Write(request, mount, node),
            Opcode.FUSE_FLUSH => Flush(request, mount, node, session),
            Opcode.FUSE_RELEASE => Release(request, mount, node),
            Opcode.FUSE_FSYNC => Sync(request, mount, node),
            Opcode.FUSE_FALLOCATE => Allocate(request, mount, node),
            Opcode.FUSE_LSEEK => Seek(request, mount, node),
            Opcode.FUSE_SETUPMAPPING => SetupMapping(request, mount, node, session),
            Opcode.FUSE_SYNCFS => SyncFileSystem(request, mount, node),
            Opcode.FUSE_OPENDIR => OpenDirectory(request, mount, node, session),
            Opcode.FUSE_READDIR => ReadDirectory(request, mount, node, plus: false),
            Opcode.FUSE_READDIRPLUS => ReadDirectory(request, mount, node, plus: true),
            Opcode.FUSE_RELEASEDIR => ReleaseDirectory(request, mount, node),
            Opcode.FUSE_FSYNCDIR => SyncDirectory(request, mount, node),
            Opcode.FUSE_SETXATTR => SetXattr(request, mount, node, session),
            Opcode.FUSE_GETXATTR => GetXattr(request, mount, node, session),
            Opcode.FUSE_LISTXATTR => ListXattr(request, mount, node, session),
            Opcode.FUSE_REMOVEXATTR => RemoveXattr(request, mount, node, session),
            Opcode.FUSE_GETLK => GetLock(request, mount, node, session),
            Opcode.FUSE_SETLK => SetLock(request, mount, node, session, wait: false),
            Opcode.FUSE_SETLKW => SetLock(request, mount, node, session, wait: true),
            _ => request.Reply(Errno.ENOSYS),
        };
    }

    bool Finish(FuseRequest request, ValueTask<Errno> operation)
    {
        if (operation.IsCompletedSuccessfully)
            return request.Reply(Kept(operation.Result));
        waiting.Add(request);
        _ = AwaitAsync(request, operation);
        return false;
    }

    bool Finish<T>(FuseRequest request, Mount mount, ValueTask<Reply<T>> operation, Replier<T> reply)
        where T : struct
    {
        if (operation.IsCompletedSuccessfully)
            return ReplyTo(request, mount, operation.Result, reply);
        waiting.Add(request);
        _ = AwaitAsync(request, mount, operation, reply);
        return false;
    }

    static bool ReplyTo<T>(FuseRequest request, Mount mount, in Reply<T> result, Replier<T> reply)
        where T : struct
    {
        var value = result.Value;
        return result.IsError ? request.Reply(Kept(result.Error)) : reply(request, mount, value);
    }

    async Task AwaitAsync(FuseRequest request, ValueTask<Errno> operation)
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
        request.Reply(Kept(error));
        End(request);
    }

    async Task AwaitAsync<T>(FuseRequest request, Mount mount, ValueTask<Reply<T>> operation, Replier<T> reply)
        where T : struct
    {
        Reply<T> result;
        try
        {
            result = await operation.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            result = ErrorOf(request, exception);
        }
        waiting.Remove(request);
        try
        {
            ReplyTo(request, mount, result, reply);
        }
        catch (Exception exception)
        {
            request.Reply(ErrorOf(request, exception));
        }
        End(request);
    }

    /// <summary>ENOSYS is the session's: the kernel remembers it for the whole connection, so that one file system's would switch an operation off for all.</summary>
    static Errno Kept(Errno error) => error == Errno.ENOSYS ? Errno.EOPNOTSUPP : error;

    /// <summary>An operation that was cancelled ends like an interrupted system call; anything else is a defect of ours.</summary>
    Errno ErrorOf(FuseRequest request, Exception exception)
    {
        if (exception is OperationCanceledException)
            return Errno.EINTR;
        Log.RequestFailed(logger, exception, request.Opcode, request.Header.NodeId);
        return Errno.EIO;
    }

    static void End(FuseRequest request)
    {
        request.End();
        request.Complete();
    }
}
