using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Byte-range locks as POSIX has them, by owner; a whole-file lock is a range over all.</summary>
public sealed partial class MemoryFileSystem
{
    event Action? Unlocked;

    public ValueTask<Reply<FileLock>> GetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted) =>
        Answer<FileLock>.Run(this, MemoryOperation.GetLock, request, (This: this, node, wanted), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                foreach (var held in found.Locks)
                    if (Conflict(held, state.wanted))
                        return held;
                return state.wanted with { Type = FileLockType.Unlock };
            }
        });

    public ValueTask<Errno> SetLockAsync(RequestContext request, NodeId node, HandleId handle, in FileLock wanted, bool wait)
    {
        if (wait)
        {
            Interlocked.Increment(ref _calls[(int)MemoryOperation.SetLock]);
            var error = TryLock(node, wanted);
            return error != Errno.EAGAIN ? new ValueTask<Errno>(error) : WaitForLockAsync(request, node, wanted);
        }
        return Run(MemoryOperation.SetLock, request, (This: this, node, wanted), static state => state.This.TryLock(state.node, state.wanted));
    }

    static bool Conflict(in FileLock held, in FileLock wanted) =>
        held.Owner != wanted.Owner && held.Start <= wanted.End && wanted.Start <= held.End
        && (held.Type == FileLockType.Write || wanted.Type == FileLockType.Write);

    async ValueTask<Errno> WaitForLockAsync(RequestContext request, NodeId node, FileLock wanted)
    {
        while (true)
        {
            var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            void Signal() => changed.TrySetResult();
            Unlocked += Signal;
            try
            {
                // Tried again after subscribing, so that an unlock in between is not missed.
                var error = TryLock(node, wanted);
                if (error != Errno.EAGAIN)
                    return error;
                await changed.Task.WaitAsync(request.Cancellation).ConfigureAwait(false);
            }
            finally
            {
                Unlocked -= Signal;
            }
        }
    }

    Errno TryLock(NodeId node, FileLock wanted)
    {
        lock (_lock)
        {
            if (!_nodes.TryGetValue(node.Value, out var found))
                return Errno.ESTALE;
            if (wanted.Type != FileLockType.Unlock)
                foreach (var held in found.Locks)
                    if (Conflict(held, wanted))
                        return Errno.EAGAIN;
            Replace(found.Locks, wanted);
        }
        Unlocked?.Invoke();
        return Errno.None;
    }

    /// <summary>An owner's locks never overlap: the new one cuts what it had there.</summary>
    static void Replace(List<FileLock> locks, FileLock wanted)
    {
        foreach (var held in locks.Where(held => held.Owner == wanted.Owner && held.Start <= wanted.End && wanted.Start <= held.End).ToArray())
        {
            locks.Remove(held);
            if (held.Start < wanted.Start)
                locks.Add(held with { End = wanted.Start - 1 });
            if (held.End > wanted.End)
                locks.Add(held with { Start = wanted.End + 1 });
        }
        if (wanted.Type != FileLockType.Unlock)
            locks.Add(wanted);
    }
}
