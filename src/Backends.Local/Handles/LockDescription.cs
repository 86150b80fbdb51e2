using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>
/// The open description that holds one owner's locks on one file: open for reading until a lock needs more, since an open
/// for writing keeps the host from running the file. Used under the lock table's lock.
/// </summary>
sealed class LockDescription(int fd, bool isWritable)
{
    /// <summary>The ranges with a read lock while the description is not writable; they do not overlap.</summary>
    readonly List<(ulong Start, ulong End)> _ranges = [];

    public int Fd { get; private set; } = fd;

    public bool IsWritable { get; private set; } = isWritable;

    /// <summary>What the guest locked the file by last.</summary>
    public HandleId Handle { get; set; }

    public static ByteRangeLock RangeOf(in FileLock wanted) => RangeOf(wanted.Type, wanted.Start, wanted.End);

    /// <summary>Takes, changes or drops a range. 0 or −errno.</summary>
    public int SetRange(in FileLock wanted)
    {
        var result = FileLocks.SetRange(Fd, RangeOf(wanted));
        if (result < 0 || IsWritable)
            return result;
        Cut(wanted.Start, wanted.End);
        if (wanted.Type == FileLockType.Read)
            _ranges.Add((wanted.Start, wanted.End));
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
        foreach (var (start, end) in _ranges)
        {
            var result = FileLocks.SetRange(writable, RangeOf(FileLockType.Read, start, end));
            if (result < 0)
            {
                _ = Descriptors.Close(writable);
                return result;
            }
        }
        _ = Descriptors.Close(Fd);
        _ranges.Clear();
        (Fd, IsWritable) = (writable, true);
        return 0;
    }

    public void Close() => _ = Descriptors.Close(Fd);

    static ByteRangeLock RangeOf(FileLockType type, ulong start, ulong end) => new()
    {
        Type = (short)type,
        Start = (long)start,
        Length = end >= long.MaxValue ? 0 : (long)(end - start + 1),
    };

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
                _ranges.Add((range.Start, start - 1));
            if (range.End > end)
                _ranges.Add((end + 1, range.End));
        }
    }
}
