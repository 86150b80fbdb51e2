using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// The mounts that the share reaches, each kept as long as an inode of it is known, so that the host can unmount it
/// afterwards. Entry 0 is the share's own and stays.
/// </summary>
sealed unsafe class MountTable(InodeNumbers numbers, FileHandleMode mode, int descriptors) : IDisposable
{
    const int MaxEntries = ushort.MaxValue;

    readonly Lock _lock = new();
    readonly Dictionary<(ulong MountId, ulong Device), MountEntry> _known = [];
    readonly Stack<int> _free = [];
    MountEntry?[] _entries = new MountEntry?[16];
    int _top;

    /// <summary>An entry that is referenced, by a slot or otherwise.</summary>
    public MountEntry this[int index] => Volatile.Read(ref _entries)[index]!;

    /// <summary>Whether what <paramref name="status"/> describes lies on mount <paramref name="index"/>, which the caller knows to be referenced.</summary>
    public bool IsOn(int index, in Statx status)
    {
        var entry = this[index];
        return entry.MountId == status.MountId && entry.Device == DeviceOf(status);
    }

    /// <summary>The referenced entry for what <paramref name="fd"/> (O_PATH) and <paramref name="status"/> describe; made if it is new.</summary>
    /// <returns>The index, or −errno.</returns>
    public int Enter(int fd, in Statx status)
    {
        lock (_lock)
        {
            if (!_known.TryGetValue((status.MountId, DeviceOf(status)), out var entry))
            {
                var error = Add(fd, status, out entry);
                if (error != Errno.None)
                    return -(int)error;
            }
            entry!.AddReference();
            return entry.Index;
        }
    }

    public void AddReference(int index)
    {
        if (index != 0)
            this[index].AddReference();
    }

    public void Release(int index)
    {
        if (index == 0)
            return;
        var entry = this[index];
        if (!entry.RemoveReference())
            return;
        lock (_lock)
        {
            var key = (entry.MountId, entry.Device);
            // Another thread may have entered it again, and even have left it and removed it.
            if (entry.References != 0 || !_known.TryGetValue(key, out var known) || known != entry)
                return;
            _known.Remove(key);
            _entries[entry.Index] = null;
            _free.Push(entry.Index);
        }
        if (entry.Fd >= 0)
            _ = Descriptors.Close(entry.Fd);
    }

    /// <summary>syncfs on every mount that is known. 0, or −errno of the first that failed.</summary>
    public int SyncAll()
    {
        var failed = 0;
        for (var index = 0; index < _top; index++)
        {
            MountEntry? entry;
            lock (_lock)
            {
                entry = _entries[index];
                entry?.AddReference();
            }
            if (entry is null)
                continue;
            // Takes as long as there is to write: without the lock.
            var result = entry.Fd < 0 ? 0 : FileSpace.SyncFileSystem(entry.Fd);
            failed = failed < 0 ? failed : Math.Min(result, 0);
            Release(index);
        }
        return failed;
    }

    public void Dispose()
    {
        foreach (var entry in _known.Values)
        {
            if (entry.Fd >= 0)
                _ = Descriptors.Close(entry.Fd);
        }
        _known.Clear();
    }

    static ulong DeviceOf(in Statx status) => ((ulong)status.DeviceMajor << 32) | status.DeviceMinor;

    Errno Add(int fd, in Statx status, out MountEntry? added)
    {
        added = null;
        if (_free.Count == 0 && _top == MaxEntries)
            return Errno.ENFILE;
        var readable = OpenReadable(fd, status.Mode);
        if (readable is -(int)Errno.EMFILE or -(int)Errno.ENFILE)
            return Errno.ENFILE;
        var usesHandles = mode != FileHandleMode.Never && readable >= 0 && SupportsHandles(fd, readable);
        if (mode == FileHandleMode.Mandatory && !usesHandles)
        {
            if (readable >= 0)
                _ = Descriptors.Close(readable);
            return Errno.EOPNOTSUPP;
        }
        var index = _free.Count > 0 ? _free.Pop() : _top++;
        if (index == _entries.Length)
        {
            var grown = new MountEntry?[_entries.Length * 2];
            _entries.CopyTo(grown, 0);
            Volatile.Write(ref _entries, grown);
        }
        var device = DeviceOf(status);
        added = new MountEntry
        {
            Index = index,
            MountId = status.MountId,
            Device = device,
            Fd = readable,
            UsesHandles = usesHandles,
            InoTag = numbers.TagOf(device),
            IsShareDevice = index == 0 || device == _entries[0]!.Device,
        };
        Volatile.Write(ref _entries[index], added);
        _known.Add((added.MountId, device), added);
        return Errno.None;
    }

    int OpenReadable(int fd, uint mode)
    {
        // Nothing else is ever opened, not even the device node that someone bind-mounts into the share.
        if (!StatMode.IsDirectory(mode) && !StatMode.IsRegular(mode))
            return -(int)Errno.EOPNOTSUPP;
        var path = new DescriptorPath(fd);
        return Descriptors.OpenAt(descriptors, path.Number(), OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
    }

    static bool SupportsHandles(int fd, int mountFd)
    {
        FileHandle handle;
        byte empty = 0;
        if (FileHandles.Get(fd, &empty, &handle, Descriptors.AT_EMPTY_PATH) < 0)
            return false;
        var opened = FileHandles.Open(mountFd, &handle, OpenFlags.O_PATH);
        if (opened < 0)
            return false;
        _ = Descriptors.Close(opened);
        return true;
    }
}
