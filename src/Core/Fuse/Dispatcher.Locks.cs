using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Locks that the host sees; without POSIX_LOCKS and FLOCK_LOCKS a guest keeps them to itself.</summary>
sealed partial class Dispatcher
{
    bool GetLock(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if (!session.Has(InitFlags.POSIX_LOCKS))
            return request.Reply(Errno.ENOSYS);
        if (!ReadLock(request, out var handle, out var wanted))
            return request.Reply(Errno.EINVAL);
        return Finish(request, mount, mount.FileSystem.GetLockAsync(request, node, handle, wanted), ReplyLock);
    }

    bool SetLock(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session, bool wait)
    {
        if (!session.Has(InitFlags.POSIX_LOCKS | InitFlags.FLOCK_LOCKS))
            return request.Reply(Errno.ENOSYS);
        if (!ReadLock(request, out var handle, out var wanted))
            return request.Reply(Errno.EINVAL);
        if (wait && options.Interruptible)
            request.WaitWithoutLimit();
        return Finish(request, mount.FileSystem.SetLockAsync(request, node, handle, wanted, wait));
    }

    static bool ReadLock(FuseRequest request, out HandleId handle, out FileLock wanted)
    {
        var complete = request.Read(out LockIn body);
        handle = new HandleId(body.Handle);
        wanted = new FileLock
        {
            Start = body.Start,
            End = body.End,
            Type = (FileLockType)body.Type,
            Pid = body.Pid,
            Owner = body.Owner,
            IsFlock = (body.LockFlags & Protocol.FUSE_LK_FLOCK) != 0,
        };
        return complete && body.Type <= (uint)FileLockType.Unlock && body.Start <= body.End && body.End <= long.MaxValue;
    }

    static bool ReplyLock(FuseRequest request, Mount mount, in FileLock found) =>
        request.Reply(new LockOut { Start = found.Start, End = found.End, Type = (uint)found.Type, Pid = found.Pid });
}
