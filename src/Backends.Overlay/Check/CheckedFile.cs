using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>What is compared of a path, apart from its content.</summary>
sealed class CheckedFile
{
    /// <summary>Relative to the root, which is empty; Latin-1, so that every byte is one character.</summary>
    public required string Path { get; init; }

    /// <summary>Equal for names of one inode.</summary>
    public required ulong Inode { get; init; }

    public required uint Mode { get; init; }

    public required uint Uid { get; init; }

    public required uint Gid { get; init; }

    public required uint LinkCount { get; init; }

    /// <summary>Meaningful for regular files and symlinks.</summary>
    public required ulong Size { get; init; }

    public required Timestamp Time { get; init; }

    public required (uint Major, uint Minor) Device { get; init; }

    /// <summary>Of symlinks; Latin-1.</summary>
    public required string Target { get; init; }

    /// <summary>Names in Latin-1.</summary>
    public required IReadOnlyDictionary<string, byte[]> Xattrs { get; init; }

    public bool IsDirectory => StatMode.IsDirectory(Mode);

    public bool IsRegular => StatMode.IsRegular(Mode);
}
