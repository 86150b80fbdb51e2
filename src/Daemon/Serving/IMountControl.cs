using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Mounts;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Mounts and unmounts in a session that is being served, wherever that runs. For any thread.</summary>
interface IMountControl
{
    /// <summary>Opens a source and mounts it: wholly, or not at all. Indexing an image for the first time can take minutes.</summary>
    /// <exception cref="MountException">It is not mounted; of any kind.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> came first; it is not mounted.</exception>
    ValueTask MountAsync(string path, MountRequest request, CancellationToken stop);

    /// <summary>
    /// Unmounts, as <see cref="Router.Remove"/> does. Waits (a little) until the source is closed, unless something in it is open: its
    /// owner may want to have it back.
    /// </summary>
    /// <exception cref="MountException">Nothing is mounted there.</exception>
    ValueTask UnmountAsync(string path, CancellationToken stop);

    /// <summary>What is mounted.</summary>
    IReadOnlyList<MountInfo> List();

    /// <summary>What an image has cost; null where none is mounted.</summary>
    /// <exception cref="IOException">Whoever knows has ended.</exception>
    ValueTask<ImageCounts?> CountAsync(string path, CancellationToken stop);

    /// <summary>What was asked of what is mounted.</summary>
    ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop);
}
