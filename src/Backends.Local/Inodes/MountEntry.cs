namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>A device seen through one mount of the host: what inode numbers and file handles are relative to.</summary>
sealed class MountEntry
{
    int _references;

    public required int Index { get; init; }

    public required ulong MountId { get; init; }

    /// <summary>Major number in the upper half, minor in the lower.</summary>
    public required ulong Device { get; init; }

    /// <summary>A readable descriptor on the mount, for open_by_handle_at and syncfs; −1: none could be opened.</summary>
    public required int Fd { get; init; }

    /// <summary>Inodes here are kept as file handles.</summary>
    public required bool UsesHandles { get; init; }

    public required bool IsShareDevice { get; init; }

    public required ulong InoTag { get; init; }

    public int References => Volatile.Read(ref _references);

    public void AddReference() => Interlocked.Increment(ref _references);

    public bool RemoveReference() => Interlocked.Decrement(ref _references) == 0;
}
