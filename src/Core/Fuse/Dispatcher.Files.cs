using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Open files and their data.</summary>
sealed partial class Dispatcher
{
    const uint SEEK_DATA = 3;
    const uint SEEK_HOLE = 4;

    /// <summary>What may reach a file system of an open's flags: not the guest's O_CREAT, O_PATH, O_TMPFILE and the like, which have operations of their own.</summary>
    static readonly int s_openFlags = OpenFlags.O_ACCMODE | OpenFlags.O_APPEND | OpenFlags.O_TRUNC | OpenFlags.O_NONBLOCK
        | OpenFlags.O_SYNC | OpenFlags.O_NOATIME | OpenFlags.O_DIRECT | OpenFlags.O_LARGEFILE;

    /// <summary>Bytes: max_pages of INIT, in the largest pages that a guest may have (64 KiB on arm64). Bounds what one request keeps a queue busy with.</summary>
    uint MaxRead => options.MaxWrite / 4096 * 65536;

    bool Open(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if ((session.Policy & SessionPolicy.NoOpen) != 0 && session.Has(InitFlags.NO_OPEN_SUPPORT))
            return request.Reply(Errno.ENOSYS);
        if (!request.Read(out OpenIn open))
            return request.Reply(Errno.EINVAL);
        return Finish(request, mount, mount.FileSystem.OpenAsync(request, node, new OpenRequest
        {
            Flags = (int)open.Flags & s_openFlags,
            KillSuidGid = (open.OpenFlags & Protocol.FUSE_OPEN_KILL_SUIDGID) != 0,
        }), ReplyOpen);
    }

    bool Create(FuseRequest request, Mount mount, NodeId parent, NegotiatedSession session)
    {
        if (!request.Read(out CreateIn create))
            return request.Reply(Errno.EINVAL);
        if (request.ReadNewName(session) is var error and not Errno.None)
            return request.Reply(error);
        return Finish(request, mount, Told(request, mount, mount.FileSystem.CreateAsync(request, parent, ToOpenRequest(create, session))), ReplyCreate);
    }

    bool CreateTemporary(FuseRequest request, Mount mount, NodeId parent, NegotiatedSession session)
    {
        if (!request.Read(out CreateIn create))
            return request.Reply(Errno.EINVAL);
        if (request.ReadNoName(session) is var error and not Errno.None)
            return request.Reply(error);
        return Finish(request, mount, mount.FileSystem.CreateTemporaryAsync(request, parent, ToOpenRequest(create, session)), ReplyCreate);
    }

    bool Read(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out ReadIn read) || read.Offset > long.MaxValue || read.Size > MaxRead)
            return request.Reply(Errno.EINVAL);
        request.Writable.Truncate(read.Size);
        return Finish(request, mount, mount.FileSystem.ReadAsync(request, node, new HandleId(read.Handle), read.Offset, request.Writable), ReplyInPlace);
    }

    bool Write(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out WriteIn write) || write.Size != request.Readable.Length || write.Size > options.MaxWrite)
            return request.Reply(Errno.EINVAL);
        if (write.Offset > long.MaxValue - (ulong)write.Size)
            return request.Reply(Errno.EFBIG);
        var flags = (WriteFlags)write.WriteFlags & (WriteFlags.Cache | WriteFlags.LockOwner | WriteFlags.KillSuidGid);
        if ((write.Flags & OpenFlags.O_APPEND) != 0)
            flags |= WriteFlags.Append;
        var end = write.Offset + write.Size;
        if (!MayEnd(mount, node, end))
            return request.Reply(Errno.EOPNOTSUPP);
        if ((flags & WriteFlags.Append) != 0 && window.Current is { } current && current.ShowsEndOf(mount, node))
            return Finish(request, mount, AppendedAsync(request, mount, node, write, flags), ReplyWritten);
        var operation = mount.FileSystem.WriteAsync(request, node, new HandleId(write.Handle), write.Offset, request.Readable, flags);
        return Finish(request, mount, Written(request, mount, node, write.Offset, end, operation), ReplyWritten);
    }

    bool Flush(FuseRequest request, Mount mount, NodeId node, NegotiatedSession session)
    {
        if ((session.Policy & SessionPolicy.NoOpen) != 0)
            return request.Reply(Errno.ENOSYS);
        return request.Read(out FlushIn flush)
            ? Finish(request, mount.FileSystem.FlushAsync(request, node, new HandleId(flush.Handle), flush.LockOwner))
            : request.Reply(Errno.EINVAL);
    }

    bool Release(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out ReleaseIn release))
            return request.Reply(Errno.EINVAL);
        return Finish(request, mount.FileSystem.ReleaseAsync(request, node, new HandleId(release.Handle), new ReleaseRequest
        {
            Flags = (int)release.Flags,
            LockOwner = release.LockOwner,
            Flush = (release.ReleaseFlags & Protocol.FUSE_RELEASE_FLUSH) != 0,
            UnlockFlock = (release.ReleaseFlags & Protocol.FUSE_RELEASE_FLOCK_UNLOCK) != 0,
        }));
    }

    bool Sync(FuseRequest request, Mount mount, NodeId node) =>
        request.Read(out FsyncIn sync)
            ? Finish(request, mount.FileSystem.SyncAsync(request, node, new HandleId(sync.Handle), (sync.FsyncFlags & Protocol.FUSE_FSYNC_FDATASYNC) != 0))
            : request.Reply(Errno.EINVAL);

    /// <summary>FALLOC_FL_KEEP_SIZE (linux/falloc.h).</summary>
    const uint KeepSize = 1;

    bool Allocate(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out FallocateIn allocate))
            return request.Reply(Errno.EINVAL);
        if (allocate.Length == 0 || allocate.Offset > long.MaxValue)
            return request.Reply(Errno.EINVAL);
        if (allocate.Length > (ulong)long.MaxValue - allocate.Offset)
            return request.Reply(Errno.EFBIG);
        var end = allocate.Offset + allocate.Length;
        var grows = (allocate.Mode & KeepSize) == 0;
        if (grows && !MayEnd(mount, node, end))
            return request.Reply(Errno.EOPNOTSUPP);
        var operation = mount.FileSystem.AllocateAsync(request, node, new HandleId(allocate.Handle), allocate.Offset, allocate.Length, allocate.Mode);
        return Finish(request, grows ? Grown(request, mount, node, end, operation) : operation);
    }

    bool Seek(FuseRequest request, Mount mount, NodeId node)
    {
        if (!request.Read(out LseekIn seek) || seek.Whence is not (SEEK_DATA or SEEK_HOLE))
            return request.Reply(Errno.EINVAL);
        if (seek.Offset > long.MaxValue)
            return request.Reply(Errno.ENXIO);
        return Finish(request, mount, mount.FileSystem.SeekAsync(request, node, new HandleId(seek.Handle), seek.Offset, seek.Whence), ReplySeek);
    }

    bool CopyFileRange(FuseRequest request, bool wide)
    {
        if (!request.Read(out CopyFileRangeIn copy) || copy.SourceOffset > long.MaxValue || copy.TargetOffset > long.MaxValue)
            return request.Reply(Errno.EINVAL);
        if (!router.TryResolve(request.Header.NodeId, out var mount, out var source)
            || !router.TryResolve(copy.TargetNodeId, out var targetMount, out var target))
        {
            return request.Reply(Errno.ESTALE);
        }
        if (mount != targetMount)
            return request.Reply(Errno.EXDEV);
        if (!request.Hold(mount))
            return request.Reply(Errno.ESTALE);
        // How much there is to copy is not known before; the guest then copies by itself.
        if (window.Current?.ShowsEndOf(mount, target) == true)
            return request.Reply(Errno.EOPNOTSUPP);
        // The older reply has 32 bits for the count; whole pages, so that the guest's next piece starts on one.
        const ulong NarrowLimit = uint.MaxValue & ~4095UL;
        var operation = mount.FileSystem.CopyRangeAsync(request, new CopyRange
        {
            SourceNode = source,
            SourceHandle = new HandleId(copy.SourceHandle),
            SourceOffset = copy.SourceOffset,
            TargetNode = target,
            TargetHandle = new HandleId(copy.TargetHandle),
            TargetOffset = copy.TargetOffset,
            Length = Math.Min(copy.Length, wide ? long.MaxValue : NarrowLimit),
            Flags = copy.Flags,
        });
        return Finish(request, mount, Copied(request, mount, target, copy.TargetOffset, operation), wide ? ReplyCopied64 : ReplyCopied);
    }

    static OpenRequest ToOpenRequest(in CreateIn create, NegotiatedSession session) => new()
    {
        Flags = (int)create.Flags & (s_openFlags | OpenFlags.O_EXCL),
        Mode = create.Mode & StatMode.PermissionMask,
        Umask = Umask(session, create.Umask),
        KillSuidGid = (create.OpenFlags & Protocol.FUSE_OPEN_KILL_SUIDGID) != 0,
    };

    static bool ReplyOpen(FuseRequest request, Mount mount, in OpenReply open)
    {
        AbiConversions.Write(open, out var body);
        return request.Reply(body);
    }

    static bool ReplyCreate(FuseRequest request, Mount mount, in CreateReply created)
    {
        CreateOut body;
        AbiConversions.Write(created.Entry, mount, request.ShownFlags, out body.Entry);
        AbiConversions.Write(created.Open, out body.Open);
        return request.Reply(body);
    }

    static bool ReplyInPlace(FuseRequest request, Mount mount, in int length) => request.ReplyInPlace(length);

    static bool ReplyWritten(FuseRequest request, Mount mount, in int count) => request.Reply(new WriteOut { Size = (uint)count });

    static bool ReplySeek(FuseRequest request, Mount mount, in ulong offset) => request.Reply(new LseekOut { Offset = offset });

    static bool ReplyCopied(FuseRequest request, Mount mount, in ulong count) => request.Reply(new WriteOut { Size = (uint)count });

    static bool ReplyCopied64(FuseRequest request, Mount mount, in ulong count) => request.Reply(new CopyFileRangeOut { BytesCopied = count });
}
