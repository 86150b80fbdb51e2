using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Mounts in a session of this process.</summary>
sealed class RouterMountControl(Router router, SourceOpener opener, ServedImages images, ILogger logger) : MountControl(images)
{
    /// <summary>How long an unmount waits for requests that are under way: most take far less, and what waits for a disk or a lock is not waited for.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Makes a file system of a source that is open already, and mounts it.</summary>
    public async Task AttachAsync(MountPath place, OpenedSource opened)
    {
        var fileSystem = opener.Attach(opened);
        try
        {
            router.Add(place, fileSystem);
        }
        catch
        {
            await fileSystem.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        Log.Serving(logger, PlainText.Of(place.Text), PlainText.Of(opened.Name));
    }

    /// <inheritdoc cref="MountControl.RemoveAsync"/>
    public Task DetachAsync(MountPath place, CancellationToken stop) => RemoveAsync(place, () => { }, stop);

    /// <summary>Null: nothing is mounted there.</summary>
    public MountStatistics? StatisticsOf(string path) => router.Mounts.FirstOrDefault(mount => mount.IsMounted && mount.Path == path)?.Statistics;

    public override ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop)
    {
        var mounts = new Dictionary<string, MountStatistics>(StringComparer.Ordinal);
        foreach (var mount in router.Mounts)
        {
            if (mount is { IsMounted: true, Statistics: { } statistics })
                mounts[mount.Path] = statistics;
        }
        return new(new ServedStatistics(mounts));
    }

    protected override void CheckPlace(MountPath place) => router.CheckPlace(place);

    protected override async Task OpenAsync(MountPath place, string source, SourceSettings settings, CancellationToken stop)
    {
        using var opened = await opener.OpenFilesAsync(source, settings, stop).ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
        var image = opened.Image;
        await AttachAsync(place, opened).ConfigureAwait(false);
        if (image is not null)
            Images.Add(place.Text, source, image);
    }

    protected override async Task RemoveAsync(MountPath place, Action gone, CancellationToken stop)
    {
        var mount = router.Remove(place);
        gone();
        Log.Unmounted(logger, PlainText.Of(place.Text));
        var closed = LogEndAsync(mount);
        if (mount.IsBusy)
        {
            Log.StillOpen(logger, PlainText.Of(place.Text), mount.Statistics!.OpenHandles);
            return;
        }
        try
        {
            await closed.WaitAsync(s_patience, stop).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // It is unmounted all the same.
        }
    }

    async Task LogEndAsync(Mount mount)
    {
        try
        {
            await mount.Ended.ConfigureAwait(false);
            Log.Closed(logger, PlainText.Of(mount.Path));
        }
        catch (Exception exception)
        {
            Log.CloseFailed(logger, PlainText.Of(mount.Path), exception);
        }
    }
}
