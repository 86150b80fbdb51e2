using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>
/// Keeps pages of a layer's data file from being evicted while guests have them mapped: by read locks of the very open description that the
/// VMM got, so that its mapping holds them when this process is killed. The locks of one description merge; therefore the ranges are counted here.
/// </summary>
/// <param name="descriptor">The data file, open for reading.</param>
sealed class PagePins(int descriptor)
{
    readonly Lock _lock = new();
    readonly List<(long Start, long End)> _ranges = [];
    bool _closed;

    /// <summary>EAGAIN: something of it is being evicted at this moment.</summary>
    /// <param name="start">Bytes, whole pages.</param>
    /// <param name="length">Bytes, whole pages.</param>
    public Errno Add(long start, long length)
    {
        lock (_lock)
        {
            if (_closed)
                return Errno.ESTALE;
            var result = Set(FileLocks.F_RDLCK, start, length);
            if (result < 0)
                return result.ToErrno();
            _ranges.Add((start, start + length));
            return Errno.None;
        }
    }

    /// <summary>Takes back one <see cref="Add"/>; what others still hold stays.</summary>
    public void Remove(long start, long length)
    {
        lock (_lock)
        {
            if (!_ranges.Remove((start, start + length)) || _closed)
                return;
            for (var end = start + length; start < end;)
            {
                var covered = start;
                var next = end;
                foreach (var (otherStart, otherEnd) in _ranges)
                {
                    if (otherStart > start)
                        next = Math.Min(next, otherStart);
                    else
                        covered = Math.Max(covered, otherEnd);
                }
                if (covered == start)
                    _ = Set(FileLocks.F_UNLCK, start, next - start);
                start = covered == start ? next : covered;
            }
        }
    }

    /// <summary>Before the descriptor is closed. The locks stay as long as somebody has the file mapped.</summary>
    public void Close()
    {
        lock (_lock)
            _closed = true;
    }

    int Set(short type, long start, long length) => FileLocks.SetRange(descriptor, new ByteRangeLock { Type = type, Start = start, Length = length });
}
