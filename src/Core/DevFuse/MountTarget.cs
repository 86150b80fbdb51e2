using System.Globalization;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>A directory that is, or will be, a mount point: held open without asking the file system there anything, so that a dead one can be looked at too.</summary>
public sealed unsafe class MountTarget : IDisposable
{
    readonly FileDescriptor _directory;

    MountTarget(FileDescriptor directory, string path)
    {
        _directory = directory;
        Path = path;
    }

    /// <summary>Absolute, without links.</summary>
    public string Path { get; }

    /// <summary>The mount it lies on, which is mounted on it where <see cref="MountInfo.MountPoint"/> equals <see cref="Path"/>.</summary>
    public MountInfo? Mount => MountInfo.OfDescriptor(_directory.Value);

    /// <summary>What is mounted there is a FUSE file system that nobody serves any more.</summary>
    public bool IsDead
    {
        get
        {
            Statfs statistics;
            // What the kernel has cached would hide it from stat; this always asks the server.
            return FileStatus.FileSystem(_directory.Value, &statistics) == -(int)Errno.ENOTCONN;
        }
    }

    /// <exception cref="SystemCallException">There is no such directory, or it cannot be reached.</exception>
    public static MountTarget Open(string path)
    {
        var fd = SystemCallException.ThrowIfError(Descriptors.Open(System.IO.Path.GetFullPath(path), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), "open", path);
        var directory = new FileDescriptor(fd);
        var resolved = new FileInfo($"/proc/self/fd/{fd.ToString(CultureInfo.InvariantCulture)}").LinkTarget;
        return new MountTarget(directory, resolved ?? System.IO.Path.GetFullPath(path));
    }

    /// <summary>Whether this directory lies below <paramref name="other"/>.</summary>
    public bool IsBelow(MountTarget other) => Path != other.Path && Path.StartsWith(other.Path.TrimEnd('/') + '/', StringComparison.Ordinal);

    public void Dispose() => _directory.Dispose();
}
