using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>
/// The open description that holds one owner's locks on one file: open for reading until a lock needs more, since an open
/// for writing keeps the host from running the file. Used under the lock table's lock.
/// </summary>
sealed class LockDescription((NodeId Node, ulong Owner, bool IsFlock) key, int fd, bool isWritable)
{
    /// <summary>What is locked; the ranges do not overlap. The kernel keeps it too but would not tell it, nor for whom it was.</summary>
    readonly List<FileLock> _ranges = [];

    public (NodeId Node, ulong Owner, bool IsFlock) Key => key;

    public int Fd { get; private set; } = fd;

    public bool IsWritable { get; private set; } = isWritable;

    /// <summary>What the guest locked ranges of the file by last; kept by the lock table.</summary>
    public HandleId Handle { get; set; }

    public static ByteRangeLock RangeOf(in FileLock wanted) => new()
    {
        Type = (short)wanted.Type,
        Start = (long)wanted.Start,
        Length = wanted.End >= long.MaxValue ? 0 : (long)(wanted.End - wanted.Start + 1),
    };

    /// <summary>Takes, changes or drops a range. 0 or −errno.</summary>
    public int SetRange(in FileLock wanted)
    {
        var result = FileLocks.SetRange(Fd, RangeOf(wanted));
        if (result < 0)
            return result;
        Cut(wanted.Start, wanted.End);
        if (wanted.Type != FileLockType.Unlock)
            _ranges.Add(wanted);
        return result;
    }

    /// <summary>
    /// Goes on with a description that is open for writing. Its read locks are taken before the old ones go, so that none is free in
    /// between; a whole file's lock must be taken anew.
    /// </summary>
    /// <param name="writable">Taken over, whatever the answer.</param>
    /// <returns>0, or −errno: then nothing has changed.</returns>
    public int MoveTo(int writable)
    {
        foreach (var held in _ranges)
        {
            var result = FileLocks.SetRange(writable, RangeOf(held));
            if (result < 0)
            {
                _ = Descriptors.Close(writable);
                return result;
            }
        }
        Close();
        (Fd, IsWritable) = (writable, true);
        return 0;
    }

    /// <summary>The guest's process that took a lock of this type on some of the range; 0 if none did.</summary>
    public uint HolderOf(in FileLock found)
    {
        foreach (var held in _ranges)
        {
            if (held.Type == found.Type && held.Start <= found.End && held.End >= found.Start)
                return held.Pid;
        }
        return 0;
    }

    /// <summary>Drops all locks. Closing alone would leave them to a child of this process that is between fork and exec at the moment, and has
    /// the description too.</summary>
    public void Close()
    {
        _ = key.IsFlock
            ? FileLocks.SetWhole(Fd, FileLocks.LOCK_UN)
            : FileLocks.SetRange(Fd, new ByteRangeLock { Type = FileLocks.F_UNLCK, Start = 0, Length = 0 });
        _ = Descriptors.Close(Fd);
    }

    void Cut(ulong start, ulong end)
    {
        for (var i = _ranges.Count - 1; i >= 0; i--)
        {
            var range = _ranges[i];
            if (range.Start > end || range.End < start)
                continue;
            _ranges.RemoveAt(i);
            // What is left was looked at already or lies outside, so its place in the list does not matter.
            if (range.Start < start)
                _ranges.Add(range with { End = start - 1 });
            if (range.End > end)
                _ranges.Add(range with { Start = end + 1 });
        }
    }
}
