using System.Globalization;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>
/// A layer's data file, open for writing for its keeper alone, unless it is frozen: immutable (chattr +i), so that a description that is open
/// for writing can be lent to VMMs that map nothing else (QEMU 11.1), and nobody who has it can write, nor change the file's size. Not
/// thread-safe.
/// </summary>
/// <remarks>
/// A VMM may keep what was lent for as long as it likes, whatever becomes of the processes here, and could write to a file that is not frozen any more.
/// So the file is thawed only when the kernel says that no description of it is open for writing, and it stays frozen over the keeper's
/// end if there is one.
/// </remarks>
sealed unsafe class FreezableFile : IDisposable
{
    /// <summary>Of ext2, ext3 and ext4 (linux/magic.h).</summary>
    const long EXT4_SUPER_MAGIC = 0xEF53;

    const int PageSize = 4096;

    static readonly int s_noLink = OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK;

    /// <summary>Open for reading only while the file is frozen, under the same number.</summary>
    readonly FileDescriptor _file;

    /// <summary>The file's folder, with a lock (flock): nobody else thaws the file between two looks of this.</summary>
    readonly FileDescriptor _claim;

    /// <summary>What is lent; null where a keeper before this one has frozen the file.</summary>
    FileDescriptor? _lent;

    FreezableFile(FileDescriptor file, FileDescriptor claim, bool isFrozen)
    {
        _file = file;
        _claim = claim;
        IsFrozen = isFrozen;
    }

    /// <summary>For all but lending.</summary>
    public int Descriptor => _file.Value;

    /// <summary>Nothing can be written.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Opens a file. One that a keeper before has left frozen is thawed if it can be.</summary>
    /// <exception cref="SystemCallException">It cannot be opened.</exception>
    public static FreezableFile Open(string path)
    {
        var fd = Descriptors.Open(path, OpenFlags.O_RDWR | s_noLink);
        var isFrozen = fd == -(int)Errno.EPERM;
        using var open = new FileDescriptor(SystemCallException.ThrowIfError(isFrozen ? Descriptors.Open(path, OpenFlags.O_RDONLY | s_noLink) : fd, "open", path));
        if (isFrozen && !IsImmutable(open.Value)) throw new SystemCallException(Errno.EPERM, "open", path);
        using var folder = OpenFolder(path);
        SystemCallException.ThrowIfError(folder.Value, "open", path);
        // Else somebody is about to delete the file.
        if (FileLocks.SetWhole(folder.Value, FileLocks.LOCK_SH) == -(int)Errno.EAGAIN) throw new SystemCallException(Errno.EAGAIN, "flock", path);
        var file = new FreezableFile(new FileDescriptor(open.Release()), new FileDescriptor(folder.Release()), isFrozen);
        _ = file.TryThaw();
        return file;
    }

    /// <summary>Makes a file deletable, if no keeper has it open, and nobody else for writing.</summary>
    /// <returns>False: it is frozen still. True also where there is no such file.</returns>
    public static bool TryThaw(string path)
    {
        using var fd = new FileDescriptor(Descriptors.Open(path, OpenFlags.O_RDONLY | s_noLink));
        if (fd.Value < 0) return fd.Value is -(int)Errno.ENOENT or -(int)Errno.ENOTDIR;
        if (!IsImmutable(fd.Value)) return true;
        using var folder = OpenFolder(path);
        return folder.Value >= 0 && FileLocks.SetWhole(folder.Value, FileLocks.LOCK_EX) == 0
            && FileLocks.HasWriter(fd.Value) == 0 && SetImmutable(fd.Value, false) == Errno.None;
    }

    /// <summary>Freezes the file, if it is not frozen, and lends it. Writes what is not written yet.</summary>
    /// <param name="lent">Open for writing; the caller's own.</param>
    /// <returns>EBUSY: it is frozen and cannot be thawed, as somebody has what a keeper before this one has lent; EOPNOTSUPP: the file system does not keep immutable files from being
    /// written, or cannot tell who has them open; EPERM: there is no CAP_LINUX_IMMUTABLE; EMFILE and the like.</returns>
    public Errno Lend(out FileDescriptor? lent)
    {
        lent = null;
        if (_lent is null)
        {
            if (!TryThaw()) return Errno.EBUSY;
            if (Freeze() is var error and not Errno.None) return error;
        }

        var fd = Descriptors.Duplicate(_lent!.Value);
        if (fd < 0) return fd.ToErrno();
        lent = new FileDescriptor(fd);
        return Errno.None;
    }

    /// <summary>Makes the file writable again, if nobody but this has it open for writing.</summary>
    /// <returns>False: it is frozen still.</returns>
    public bool TryThaw()
    {
        if (!IsFrozen) return true;
        _lent?.Dispose();
        _lent = null;
        // Nobody can open it for writing as long as it is immutable: that there is no such description now is true for ever.
        if (FileLocks.HasWriter(_file.Value) != 0 || SetImmutable(_file.Value, false) != Errno.None) return false;
        var writable = Reopen(_file.Value, OpenFlags.O_RDWR);
        if (writable < 0)
        {
            _ = SetImmutable(_file.Value, true);
            return false;
        }

        Replace(writable);
        IsFrozen = false;
        return true;
    }

    public void Dispose()
    {
        _lent?.Dispose();
        _file.Dispose();
        _claim.Dispose();
    }

    Errno Freeze()
    {
        Statfs system;
        if (FileStatus.FileSystem(_file.Value, &system) < 0 || system.Type != EXT4_SUPER_MAGIC) return Errno.EOPNOTSUPP;
        using var read = new FileDescriptor(Reopen(_file.Value, OpenFlags.O_RDONLY));
        if (read.Value < 0) return read.Value.ToErrno();
        var lent = Reopen(_file.Value, OpenFlags.O_RDWR);
        if (lent < 0) return lent.ToErrno();
        _lent = new FileDescriptor(lent);
        var error = FileLocks.HasWriter(read.Value) == 1 ? SetImmutable(read.Value, true) : Errno.EOPNOTSUPP;
        if (error == Errno.None && !RefusesWrites(lent))
        {
            _ = SetImmutable(read.Value, false);
            error = Errno.EOPNOTSUPP;
        }

        if (error != Errno.None)
        {
            _lent.Dispose();
            _lent = null;
            return error;
        }

        Replace(read.Release());
        IsFrozen = true;
        return Errno.None;
    }

    /// <summary>Whether what a VMM could do with the description fails: writing by call, and through a mapping. What is written in trying is what is there.</summary>
    static bool RefusesWrites(int fd)
    {
        byte one;
        if (FileIo.ReadAt(fd, &one, 1, 0) != 1 || FileIo.WriteAt(fd, &one, 1, 0) != -(int)Errno.EPERM) return false;
        if (MemoryMaps.Map(PageSize, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, fd, 0, out var page) < 0) return false;
        // The kernel's own store: it answers an error, where one by this program would be its end.
        var stored = FileIo.ReadAt(fd, page, PageSize, 0);
        _ = MemoryMaps.Unmap(page, PageSize);
        return stored == -(int)Errno.EFAULT;
    }

    static FileDescriptor OpenFolder(string path) => new(Descriptors.Open(Path.GetDirectoryName(path)!, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY));

    /// <summary>Another description of the same file. Waits for no lease that somebody else has.</summary>
    static int Reopen(int fd, int flags) => Descriptors.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{fd}"), flags | OpenFlags.O_NONBLOCK);

    /// <summary>Puts another description under the file's number, and closes the other number.</summary>
    void Replace(int fd)
    {
        _ = Descriptors.Replace(fd, _file.Value);
        _ = Descriptors.Close(fd);
    }

    static bool IsImmutable(int fd) => InodeFlags.Get(fd, out var flags) == 0 && (flags & InodeFlags.FS_IMMUTABLE_FL) != 0;

    static Errno SetImmutable(int fd, bool value)
    {
        var result = InodeFlags.Get(fd, out var flags);
        if (result == 0)
            result = InodeFlags.Set(fd, value ? flags | InodeFlags.FS_IMMUTABLE_FL : flags & ~InodeFlags.FS_IMMUTABLE_FL);
        return result.ToErrno();
    }
}
