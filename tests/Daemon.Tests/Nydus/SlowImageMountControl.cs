using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Opens a directory at once and an image when it is told to.</summary>
sealed class SlowImageMountControl() : MountControl(new ServedImages())
{
    readonly TaskCompletionSource _images = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _imagesBegun;

    public int ImagesBegun => Volatile.Read(ref _imagesBegun);

    public void OpenImages() => _images.SetResult();

    public override ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop) => throw new NotSupportedException();

    protected override void CheckPlace(MountPath place)
    {
    }

    protected override Task OpenAsync(MountPath place, string source, SourceSettings settings, CancellationToken stop)
    {
        if (!source.StartsWith("oci:", StringComparison.Ordinal))
            return Task.CompletedTask;
        Interlocked.Increment(ref _imagesBegun);
        return _images.Task;
    }

    protected override Task RemoveAsync(MountPath place, Action gone, CancellationToken stop) => throw new NotSupportedException();
}
