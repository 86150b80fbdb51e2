using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>A file system at its place in a session. Its index is the upper part of all node ids and inode numbers of it that the guest sees.</summary>
public sealed class Mount
{
    /// <summary>Bits of a FUSE nodeid below the mount index; <see cref="NodeId.MaxValue"/> fits.</summary>
    public const int IndexShift = 44;

    /// <summary>20 bits are left for the index.</summary>
    public const int MaxIndex = (1 << 20) - 1;

    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _disposing;

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

    /// <summary>What was asked of it; null where it cannot be removed, and nothing is counted.</summary>
    public MountStatistics? Statistics => Usage?.Statistics;

    /// <summary>It was not removed.</summary>
    public bool IsMounted => Usage is null or { IsMounted: true };

    /// <summary>It was removed, and something in it is still open.</summary>
    public bool IsBusy => Usage is { IsMounted: false, OpenHandles: > 0 };

    /// <summary>Done when it was removed, nothing uses it any more, and its file system is closed. Fails as closing did.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Null: it stays as long as the session.</summary>
    internal MountUsage? Usage { get; init; }

    /// <summary>The number that the guest knows a node or an inode by.</summary>
    public ulong Encode(ulong position) => position | (ulong)Index << IndexShift;

    /// <summary>Closes the file system, once; nothing may use it.</summary>
    internal async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _disposing, 1) == 0)
        {
            try
            {
                await FileSystem.DisposeAsync().ConfigureAwait(false);
                _ended.SetResult();
            }
            catch (Exception exception)
            {
                _ended.SetException(exception);
            }
        }
        await Ended.ConfigureAwait(false);
    }
}
