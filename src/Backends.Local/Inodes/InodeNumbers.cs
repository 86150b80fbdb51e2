using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// Inode numbers for the guest: at most 44 bits, stable, and different for different files across submounts. The share's
/// own device keeps its numbers below 2⁴³; other devices get 7 bits of tag and keep numbers below 2³⁶; what does not fit is
/// numbered in the order it is met.
/// </summary>
sealed class InodeNumbers
{
    const ulong Tagged = 1UL << 43;
    const int TagShift = 36;
    const int MaxTag = 127;

    readonly Lock _lock = new();
    readonly Dictionary<ulong, ulong> _tags = [];
    readonly Dictionary<(ulong Device, ulong Ino), ulong> _overflow = [];

    /// <summary>The tag of a device, 0 if there are no more. The first device asked for is the share's own.</summary>
    public ulong TagOf(ulong device)
    {
        lock (_lock)
        {
            if (_tags.TryGetValue(device, out var tag))
                return tag;
            tag = _tags.Count <= MaxTag ? (ulong)_tags.Count : 0;
            _tags.Add(device, tag);
            return tag;
        }
    }

    public ulong Map(MountEntry mount, ulong ino)
    {
        if (mount.IsShareDevice)
        {
            if (ino < Tagged)
                return ino;
        }
        else if (mount.InoTag != 0 && ino < 1UL << TagShift)
        {
            return Tagged | (mount.InoTag << TagShift) | ino;
        }
        return Overflow(mount.Device, ino);
    }

    ulong Overflow(ulong device, ulong ino)
    {
        lock (_lock)
        {
            if (!_overflow.TryGetValue((device, ino), out var number))
            {
                number = Tagged | ((ulong)_overflow.Count & ((1UL << TagShift) - 1));
                _overflow.Add((device, ino), number);
            }
            return number;
        }
    }
}
