using System.Collections.Concurrent;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>Mounts in a server that can open nothing: sources are opened here, and go over as descriptors.</summary>
sealed class ServerMountControl(Sandbox sandbox, ServerLink link, SourceOpener opener, ServedImages images) : MountControl(images)
{
    readonly ConcurrentDictionary<string, SharedPlace> _shared = new(StringComparer.Ordinal);

    /// <summary>Makes a source the root of the session, which is then all there is; a regular file will do.</summary>
    public Task MountRootAsync(string source, SourceSettings settings, CancellationToken stop) =>
        HandOverAsync("/", source, settings, stop);

    public override async ValueTask<ServedStatistics> StatisticsAsync(CancellationToken stop)
    {
        var mounts = new Dictionary<string, MountStatistics>(StringComparer.Ordinal);
        // One by one: of all of them a message would not hold the counts.
        foreach (var mount in List())
        {
            if (await link.StatisticsAsync(mount.Path).WaitAsync(stop).ConfigureAwait(false) is { } statistics)
                mounts[mount.Path] = statistics;
        }
        return new ServedStatistics(mounts);
    }

    /// <summary>The server looks, when it is asked: nothing that costs time here is done before that but opening a source.</summary>
    protected override void CheckPlace(MountPath place)
    {
        foreach (var other in List())
        {
            if (place.Text.StartsWith(other.Path + "/", StringComparison.Ordinal))
                throw MountException.Below(place, other.Path);
            if (other.Path.StartsWith(place.Text + "/", StringComparison.Ordinal))
                throw MountException.Above(place);
        }
    }

    protected override Task OpenAsync(MountPath place, string source, SourceSettings settings, CancellationToken stop) =>
        HandOverAsync(place.Text, source, settings, stop);

    protected override async Task RemoveAsync(MountPath place, Action gone, CancellationToken stop)
    {
        try
        {
            // To its end, whoever has lost interest: half an unmount would leave the place neither taken nor free.
            await link.UnmountAsync(place.Text).ConfigureAwait(false);
        }
        catch (MountException exception) when (exception.Failure == MountFailure.NotFound)
        {
            // So much the better.
        }
        try
        {
            // What the guest has open of it the server has open.
            if (_shared.TryRemove(place.Text, out var shared))
                sandbox.Unshare(shared);
        }
        finally
        {
            gone();
        }
    }

    async Task HandOverAsync(string path, string source, SourceSettings settings, CancellationToken stop)
    {
        using var opened = await opener.OpenFilesAsync(source, settings, stop, allowFile: path == "/").ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
        if (opened.Kind == SourceKind.Image)
        {
            var image = opened.Image;
            await link.MountAsync(path, opened).ConfigureAwait(false);
            if (image is not null)
                Images.Add(path, source, image);
            return;
        }
        var fd = opened.Descriptors[0].Value;
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var shape), "statx", source);
        var shared = sandbox.Share(fd, source, isDirectory: !shape.IsRegular, settings.ReadOnly);
        try
        {
            await link.MountAsync(path, opened with { Descriptors = [shared.Root] }).ConfigureAwait(false);
        }
        catch
        {
            sandbox.Unshare(shared);
            throw;
        }
        shared.Root.Dispose();
        _shared[path] = shared;
    }
}
