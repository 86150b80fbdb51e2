using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>The mount that the request is at work in: held until its end, so that it can be removed meanwhile.</summary>
sealed unsafe partial class FuseRequest
{
    MountUsage? _mountUsage;
    QueueUsage? _usage;
    UsageKind _usageKind;
    bool _failed;

    /// <summary>False: the mount is being removed, and this is none of what may still be done there. Once, for one mount that can be removed.</summary>
    public bool Hold(Mount mount)
    {
        if (mount.Usage is not { } usage)
            return true;
        _usageKind = KindOf(Opcode);
        if (usage.TryEnter(Queue.Index, _usageKind) is not { } entered)
            return false;
        _mountUsage = usage;
        _usage = entered;
        entered.Requests[Math.Min(_header.Opcode, QueueUsage.Operations - 1)]++;
        return true;
    }

    /// <summary>Gives lookups back: nothing of it goes on behind the call.</summary>
    public void Forget(Mount mount, NodeId node, ulong count)
    {
        if (mount.Usage is not { } usage)
        {
            mount.FileSystem.Forget(node, count);
        }
        else if (usage.TryEnter(Queue.Index, UsageKind.GoOn) is { } entered)
        {
            entered.Requests[Math.Min(_header.Opcode, QueueUsage.Operations - 1)]++;
            mount.FileSystem.Forget(node, count);
            usage.Leave(entered, closed: false);
        }
    }

    /// <summary>The request is answered. Before it is handed back: from then on the object may carry the next one.</summary>
    public void End()
    {
        if (_mountUsage is { } usage)
        {
            var entered = _usage!;
            _mountUsage = null;
            _usage = null;
            Count(entered);
            usage.Leave(entered, closed: _usageKind == (_failed ? UsageKind.Open : UsageKind.Close));
        }
        Queue.Exit();
    }

    /// <summary>What may be done in a mount that is being removed. Names and new handles may not: it shall come to an end.</summary>
    static UsageKind KindOf(Opcode opcode) => opcode switch
    {
        Opcode.FUSE_OPEN or Opcode.FUSE_OPENDIR or Opcode.FUSE_CREATE or Opcode.FUSE_TMPFILE => UsageKind.Open,
        Opcode.FUSE_RELEASE or Opcode.FUSE_RELEASEDIR => UsageKind.Close,
        Opcode.FUSE_LOOKUP or Opcode.FUSE_SYMLINK or Opcode.FUSE_MKNOD or Opcode.FUSE_MKDIR or Opcode.FUSE_UNLINK or Opcode.FUSE_RMDIR
            or Opcode.FUSE_RENAME or Opcode.FUSE_RENAME2 or Opcode.FUSE_LINK => UsageKind.Name,
        _ => UsageKind.GoOn,
    };

    void Count(QueueUsage usage)
    {
        // A request that waited ends on another thread than its queue's.
        if (_failed)
        {
            Interlocked.Increment(ref usage.Errors[Math.Min(_header.Opcode, QueueUsage.Operations - 1)]);
        }
        else if (Opcode == Opcode.FUSE_READ && BytesWritten > sizeof(OutHeader))
        {
            var bytes = (ulong)(BytesWritten - sizeof(OutHeader));
            Interlocked.Add(ref usage.BytesRead, bytes);
            Interlocked.Increment(ref usage.Reads[SizeClass(bytes)]);
        }
    }

    /// <summary>The index in <see cref="MountStatistics.ReadSizes"/>.</summary>
    static int SizeClass(ulong bytes) => bytes switch
    {
        < 1 << 10 => 0,
        < 4 << 10 => 1,
        < 16 << 10 => 2,
        < 64 << 10 => 3,
        < 128 << 10 => 4,
        < 512 << 10 => 5,
        < 1 << 20 => 6,
        _ => 7,
    };
}
