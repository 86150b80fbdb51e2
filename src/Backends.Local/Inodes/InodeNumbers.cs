using System.Collections.Concurrent;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// Inode numbers for the guest: at most 44 bits, stable, and different for different files across submounts. The share's
/// own device keeps its numbers below 2⁴³. Others get a tag of 7 bits for their device, or for their device and the bits
/// from 2³⁶ up (file systems that put such bits there use few different ones), and keep the 36 bits below.
/// </summary>
/// <remarks>
/// Only when the tags are used up are numbers given out in the order in which files are met, which takes memory for each:
/// on a file system whose numbers are random over 64 bits, or with dozens of submounts.
/// </remarks>
sealed class InodeNumbers
{
    const ulong Tagged = 1UL << 43;
    const int TagShift = 36;

    /// <summary>Tags below this are for devices, so that one device's high bits cannot take them all.</summary>
    const int FirstHighTag = 64;
    const int TagCount = 128;

    readonly Lock _lock = new();
    readonly Dictionary<ulong, ulong> _tags = [];

    /// <summary>Read without the lock.</summary>
    readonly ConcurrentDictionary<(ulong Device, ulong High), ulong> _highTags = [];
    readonly Dictionary<(ulong Device, ulong Ino), ulong> _overflow = [];

    /// <summary>Files whose numbers are kept one by one.</summary>
    public int OverflowCount
    {
        get
        {
            lock (_lock)
                return _overflow.Count;
        }
    }

    /// <summary>The tag of a device, 0 if there are no more. The first device asked for is the share's own.</summary>
    public ulong TagOf(ulong device)
    {
        lock (_lock)
        {
            if (_tags.TryGetValue(device, out var tag))
                return tag;
            tag = _tags.Count < FirstHighTag ? (ulong)_tags.Count : 0;
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
            return Number(mount.InoTag, ino);
        }
        return _highTags.TryGetValue((mount.Device, ino >> TagShift), out var tag) ? Number(tag, ino) : MapNew(mount.Device, ino);
    }

    static ulong Number(ulong tag, ulong ino) => Tagged | (tag << TagShift) | (ino & ((1UL << TagShift) - 1));

    ulong MapNew(ulong device, ulong ino)
    {
        var high = (device, ino >> TagShift);
        lock (_lock)
        {
            if (_highTags.TryGetValue(high, out var tag))
                return Number(tag, ino);
            // Never removed, so the count is the next free tag.
            if (FirstHighTag + _highTags.Count is var next && next < TagCount)
            {
                _highTags[high] = (ulong)next;
                return Number((ulong)next, ino);
            }
            if (!_overflow.TryGetValue((device, ino), out var number))
            {
                number = Number(0, (ulong)_overflow.Count);
                _overflow.Add((device, ino), number);
            }
            return number;
        }
    }
}
