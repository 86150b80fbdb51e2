using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Mounts in a session of this process.</summary>
sealed class RouterMountControl(Router router, SourceOpener opener, ILogger logger) : IMountControl, IDisposable
{
    /// <summary>Sources that are opened at a time: each may keep a thread, a processor and a disk busy for minutes.</summary>
    const int MaxOpening = 4;

    /// <summary>How long an unmount waits for requests that are under way: most take far less, and what waits for a disk or a lock is not waited for.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    readonly SemaphoreSlim _opening = new(MaxOpening);

    // A place is taken from the beginning of mounting on it; null as long as that goes on.
    readonly ConcurrentDictionary<string, MountInfo?> _places = new(StringComparer.Ordinal);

    public async ValueTask MountAsync(string path, MountRequest request, CancellationToken stop)
    {
        var place = MountPath.Parse(path);
        if (!_places.TryAdd(place.Text, null))
            throw new MountException(MountFailure.Exists, _places.GetValueOrDefault(place.Text) is null ? $"{place} is being mounted on already." : $"{place} is a mount point already.");
        var mounted = false;
        try
        {
            // Before the work, and again after it: others mount meanwhile.
            router.CheckPlace(place);
            await _opening.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                await OpenAsync(place, request, stop).ConfigureAwait(false);
            }
            finally
            {
                _opening.Release();
            }
            _places[place.Text] = new MountInfo(place.Text, request.Kind, request.Source, DateTimeOffset.UtcNow);
            mounted = true;
        }
        catch (Exception exception) when (exception is not MountException && ProgramCommand.IsExpected(exception))
        {
            throw new MountException(MountFailure.Failed, exception.Message, exception);
        }
        finally
        {
            if (!mounted)
                _places.TryRemove(place.Text, out _);
        }
        Log.Serving(logger, PlainText.Of(place.Text), PlainText.Of(request.Source));
    }

    public async ValueTask UnmountAsync(string path, CancellationToken stop)
    {
        var place = MountPath.Parse(path);
        if (_places.GetValueOrDefault(place.Text) is not { } info)
            throw new MountException(MountFailure.NotFound, $"Nothing is mounted on {place}.");
        var mount = router.Remove(place);
        // Only now: until the router has let go of it, the place is taken.
        _places.TryRemove(new(place.Text, info));
        Log.Unmounted(logger, PlainText.Of(place.Text), PlainText.Of(info.Source));
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

    public IReadOnlyList<MountInfo> List() => [.. _places.Values.OfType<MountInfo>().OrderBy(info => info.Path, StringComparer.Ordinal)];

    public ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop)
    {
        var mounts = new Dictionary<string, MountStatistics>(StringComparer.Ordinal);
        foreach (var mount in router.Mounts)
        {
            if (mount is { IsMounted: true, Statistics: { } statistics })
                mounts[mount.Path] = statistics;
        }
        return new(new ServedStatistics(mounts));
    }

    public void Dispose() => _opening.Dispose();

    async Task OpenAsync(MountPath place, MountRequest request, CancellationToken stop)
    {
        if (request.Kind == SourceKind.Image && !ImageReference.IsImage(request.Source))
            throw new MountException(MountFailure.Failed, $"Cannot mount '{request.Source}' as an image: give oci:PATH[:TAG|@DIGEST], an OCI layout directory. An image in RAFS's own format cannot be read.");
        // A path may begin like an image; here it is known to be a path.
        var source = request.Kind == SourceKind.Local && ImageReference.IsImage(request.Source) ? $"./{request.Source}" : request.Source;
        using var opened = await opener.OpenFilesAsync(source, request.Settings, stop).ConfigureAwait(false);
        var fileSystem = opener.Attach(opened);
        try
        {
            stop.ThrowIfCancellationRequested();
            router.Add(place, fileSystem);
        }
        catch
        {
            await fileSystem.DisposeAsync().ConfigureAwait(false);
            throw;
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
