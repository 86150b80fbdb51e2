using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>Mounts in a server that can open nothing: sources are opened here, and go over as descriptors.</summary>
sealed class ServerMounts(Sandbox sandbox, ServerLink link, SourceOpener opener, ILogger logger)
{
    readonly ConcurrentDictionary<string, SharedPlace> _places = new(StringComparer.Ordinal);

    /// <exception cref="IOException">It cannot be opened, or the server refuses it; then nothing of it is left.</exception>
    public async Task MountAsync(string path, string source, SourceSettings settings, CancellationToken stop)
    {
        using var opened = await opener.OpenFilesAsync(source, settings, stop, allowFile: path == "/").ConfigureAwait(false);
        if (opened.Kind != SourceKind.Local)
        {
            await link.MountAsync(path, opened, stop).ConfigureAwait(false);
        }
        else
        {
            var fd = opened.Descriptors[0].Value;
            SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var shape), "statx", source);
            var place = sandbox.Share(fd, source, !shape.IsRegular, settings.ReadOnly);
            try
            {
                await link.MountAsync(path, opened with { Descriptors = [place.Root] }, stop).ConfigureAwait(false);
                _places[path] = place;
            }
            catch
            {
                sandbox.Unshare(place);
                throw;
            }
            place.Root.Dispose();
        }
        Log.Serving(logger, path, source);
    }

    public async Task UnmountAsync(string path)
    {
        await link.UnmountAsync(path).ConfigureAwait(false);
        if (_places.TryRemove(path, out var place))
            sandbox.Unshare(place);
    }
}
