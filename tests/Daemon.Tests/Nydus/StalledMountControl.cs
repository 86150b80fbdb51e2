using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Mounts that never come to an end by themselves.</summary>
sealed class StalledMountControl : IMountControl
{
    readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A mount has been asked for.</summary>
    public Task Begun => _begun.Task;

    /// <summary>It was given up.</summary>
    public Task Cancelled => _cancelled.Task;

    public async ValueTask MountAsync(string path, MountRequest request, CancellationToken stop)
    {
        _begun.TrySetResult();
        try
        {
            await Task.Delay(Timeout.Infinite, stop);
        }
        finally
        {
            _cancelled.TrySetResult();
        }
    }

    public ValueTask UnmountAsync(string path, CancellationToken stop) => default;

    public IReadOnlyList<MountInfo> List() => [];

    public ValueTask<ImageCounts?> CountAsync(string path, CancellationToken stop) => default;

    public ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop) => new(new ServedStatistics(new Dictionary<string, Core.Mounts.MountStatistics>()));
}
