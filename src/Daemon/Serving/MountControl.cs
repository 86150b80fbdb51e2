using System.Collections.Concurrent;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>What mounting has in common wherever the session is: one mount at a place, some work at a time, wholly or not at all.</summary>
abstract class MountControl(ServedImages images) : IMountControl, IDisposable
{
    /// <summary>Images that are opened at a time: each may keep a thread, a processor and a disk busy for minutes. A directory costs nothing.</summary>
    const int MaxOpeningImages = 4;

    readonly SemaphoreSlim _openingImages = new(MaxOpeningImages);

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
            CheckPlace(place);
            if (request.Kind == SourceKind.Image)
                await OpenImageAsync(place, request, stop).ConfigureAwait(false);
            else
                await OpenAsync(place, SourceOf(request), request.Settings, stop).ConfigureAwait(false);
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
    }

    public async ValueTask UnmountAsync(string path, CancellationToken stop)
    {
        var place = MountPath.Parse(path);
        if (_places.GetValueOrDefault(place.Text) is not { } info)
            throw new MountException(MountFailure.NotFound, $"Nothing is mounted on {place}.");
        images.Remove(place.Text);
        // Until the session has let go of it, the place is taken.
        await RemoveAsync(place, () => _places.TryRemove(new(place.Text, info)), stop).ConfigureAwait(false);
    }

    public IReadOnlyList<MountInfo> List() => [.. _places.Values.OfType<MountInfo>().OrderBy(info => info.Path, StringComparer.Ordinal)];

    public abstract ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop);

    public ValueTask<ImageCounts?> CountAsync(string path, CancellationToken stop) => images.CountAsync(path, stop);

    public virtual void Dispose() => _openingImages.Dispose();

    /// <summary>Those that are mounted.</summary>
    protected ServedImages Images => images;

    /// <summary>Fails as mounting there would.</summary>
    protected abstract void CheckPlace(MountPath place);

    /// <summary>Opens the source and mounts it, or leaves nothing of it.</summary>
    protected abstract Task OpenAsync(MountPath place, string source, SourceSettings settings, CancellationToken stop);

    /// <summary>Unmounts; calls <paramref name="gone"/> once the place is free.</summary>
    protected abstract Task RemoveAsync(MountPath place, Action gone, CancellationToken stop);

    async Task OpenImageAsync(MountPath place, MountRequest request, CancellationToken stop)
    {
        await _openingImages.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            await OpenAsync(place, SourceOf(request), request.Settings, stop).ConfigureAwait(false);
        }
        finally
        {
            _openingImages.Release();
        }
    }

    static string SourceOf(MountRequest request)
    {
        if (request.Kind == SourceKind.Image && !ImageReference.IsImage(request.Source))
            throw new MountException(MountFailure.Failed, $"Cannot mount '{request.Source}' as an image: give {ImageReference.Forms}. An image in RAFS's own format cannot be read.");
        // A path may begin like an image; here it is known to be a path.
        return request.Kind == SourceKind.Local && ImageReference.IsImage(request.Source) ? $"./{request.Source}" : request.Source;
    }
}
