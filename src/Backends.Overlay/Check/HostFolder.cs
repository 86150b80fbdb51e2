using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A folder of the host in which an image is unpacked: every path is resolved inside it, as if it were the root, whatever
/// symlinks the image holds. Paths are bytes relative to it.</summary>
sealed unsafe class HostFolder : IDisposable
{
    readonly FileDescriptor _root;

    public HostFolder(string path) => _root = new FileDescriptor(
        SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), "open", path));

    /// <summary>Opens a path, or answers null where there is none.</summary>
    /// <exception cref="SystemCallException">Any other error; EXDEV where <paramref name="resolve"/> forbids the path.</exception>
    public FileDescriptor? TryOpen(ReadOnlySpan<byte> path, int flags, ulong resolve = OpenAt2.RESOLVE_IN_ROOT)
    {
        fixed (byte* name = Terminated(path.IsEmpty ? "."u8 : path))
        {
            var fd = OpenAt2.Open(_root.Value, name, flags, 0, resolve | OpenAt2.RESOLVE_NO_MAGICLINKS);
            // Links of the image that run in a circle lead to nothing either.
            if (fd.ToErrno() is Errno.ENOENT or Errno.ENOTDIR || (fd.ToErrno() == Errno.ELOOP && resolve == OpenAt2.RESOLVE_IN_ROOT))
                return null;
            return new FileDescriptor(SystemCallException.ThrowIfError(fd, "open", PathText.FromRoot(path)));
        }
    }

    /// <summary>The directory at a path, links followed inside the folder.</summary>
    public FileDescriptor? TryOpenDirectory(ReadOnlySpan<byte> path, ulong resolve = OpenAt2.RESOLVE_IN_ROOT) =>
        TryOpen(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, resolve);

    /// <summary>What is at a path, the last component not followed.</summary>
    public bool TryStat(ReadOnlySpan<byte> path, out Statx status)
    {
        using var file = TryOpen(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
        status = file is null ? default : Stat(file.Value);
        return file is not null;
    }

    public static Statx Stat(int fd)
    {
        Statx status;
        SystemCallException.ThrowIfError(FileStatus.Get(fd, FileStatus.STATX_BASIC_STATS, &status), "statx");
        return status;
    }

    public static List<byte[]> List(int directory)
    {
        const int size = 1 << 16;
        var names = new List<byte[]>();
        var buffer = new byte[size];
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var count = SystemCallException.ThrowIfError(NameOperations.ReadDirectory(directory, start, size), "getdents64");
                if (count == 0)
                    return names;
                for (var at = start; at < start + count; at += ((DirectoryRecord*)at)->RecordLength)
                {
                    var name = System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(at + DirectoryRecord.NameOffset);
                    if (name is not ([(byte)'.'] or [(byte)'.', (byte)'.']))
                        names.Add(name.ToArray());
                }
            }
        }
    }

    /// <summary>Removes what is at a path with all below it, links not followed at its end; nothing if there is nothing.</summary>
    public void Remove(ReadOnlySpan<byte> path)
    {
        var slash = path.LastIndexOf((byte)'/');
        using var parent = TryOpenDirectory(path[..Math.Max(slash, 0)]);
        if (parent is not null)
            RemoveAt(parent.Value, path[(slash + 1)..]);
    }

    public void RemoveChildren(ReadOnlySpan<byte> path)
    {
        using var directory = TryOpenDirectory(path);
        if (directory is null)
            return;
        foreach (var name in List(directory.Value))
            RemoveAt(directory.Value, name);
    }

    public static string ReadLink(int link)
    {
        byte empty = 0;
        var buffer = new byte[4096];
        fixed (byte* start = buffer)
        {
            var length = SystemCallException.ThrowIfError(NameOperations.ReadLink(link, &empty, start, (nuint)buffer.Length), "readlink");
            return System.Text.Encoding.Latin1.GetString(buffer, 0, (int)length);
        }
    }

    public static IReadOnlyDictionary<string, byte[]> Xattrs(int fd)
    {
        var found = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var buffer = new byte[ExtendedAttributes.MaxSize];
        fixed (byte* path = Utf8Path.Encode($"/proc/self/fd/{fd}"), start = buffer)
        {
            var count = ExtendedAttributes.List(path, start, (nuint)buffer.Length);
            if (count.ToErrno() == Errno.EOPNOTSUPP)
                return found;
            SystemCallException.ThrowIfError(count, "listxattr");
            foreach (var name in System.Text.Encoding.Latin1.GetString(buffer, 0, (int)count).Split('\0', StringSplitOptions.RemoveEmptyEntries))
            {
                fixed (byte* key = Terminated(System.Text.Encoding.Latin1.GetBytes(name)))
                {
                    var length = ExtendedAttributes.Get(path, key, start, (nuint)buffer.Length);
                    if (length.ToErrno() != Errno.ENODATA)
                        found[name] = buffer.AsSpan(0, (int)SystemCallException.ThrowIfError(length, "getxattr", name)).ToArray();
                }
            }
        }

        return found;
    }

    public static void ClearXattrs(int fd)
    {
        fixed (byte* path = Utf8Path.Encode($"/proc/self/fd/{fd}"))
        {
            foreach (var name in Xattrs(fd).Keys)
            {
                // What the host itself keeps there (labels) may not be removable.
                fixed (byte* key = Terminated(System.Text.Encoding.Latin1.GetBytes(name)))
                    _ = ExtendedAttributes.Remove(path, key);
            }
        }
    }

    public static void SetTime(int fd, Timestamp time)
    {
        var times = stackalloc Timespec[] { new Timespec(time.Seconds, time.Nanoseconds), new Timespec(time.Seconds, time.Nanoseconds) };
        byte empty = 0;
        SystemCallException.ThrowIfError(InodeAttributes.SetTimes(fd, &empty, times, Descriptors.AT_EMPTY_PATH), "utimensat");
    }

    public void Dispose() => _root.Dispose();

    static byte[] Terminated(ReadOnlySpan<byte> name) => [.. name, 0];

    static void RemoveAt(int directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* bytes = Terminated(name))
        {
            var result = NameOperations.Unlink(directory, bytes, 0);
            if (result.ToErrno() is Errno.EISDIR)
            {
                using (var below = new FileDescriptor(SystemCallException.ThrowIfError(
                    Descriptors.OpenAt(directory, bytes, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW), "open", PathText.Of(name))))
                {
                    foreach (var child in List(below.Value))
                        RemoveAt(below.Value, child);
                }

                result = NameOperations.Unlink(directory, bytes, Descriptors.AT_REMOVEDIR);
            }

            if (result.ToErrno() != Errno.ENOENT)
                SystemCallException.ThrowIfError(result, "unlink", PathText.Of(name));
        }
    }
}
