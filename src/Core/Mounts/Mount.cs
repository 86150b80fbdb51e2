using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>A file system at its place in a session. Its index is the upper part of all node ids and inode numbers of it that the guest sees.</summary>
public sealed class Mount
{
    /// <summary>Bits of a FUSE nodeid below the mount index; <see cref="NodeId.MaxValue"/> fits.</summary>
    public const int IndexShift = 44;

    /// <summary>20 bits are left for the index.</summary>
    public const int MaxIndex = (1 << 20) - 1;

    internal Mount(int index, string path, IFileSystem fileSystem)
    {
        Index = index;
        Path = path;
        FileSystem = fileSystem;
    }

    public int Index { get; }

    /// <summary>Absolute, in the session's tree: "/" for the root.</summary>
    public string Path { get; }

    public IFileSystem FileSystem { get; }

    /// <summary>The number that the guest knows a node or an inode by.</summary>
    public ulong Encode(ulong position) => position | (ulong)Index << IndexShift;
}
