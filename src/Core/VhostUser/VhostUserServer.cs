using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>A vhost-user back end for one virtio-fs device: listens, serves one peer at a time, ends or listens again.</summary>
public sealed class VhostUserServer(VhostUserOptions options, IRequestHandler handler, ILogger logger) : IDisposable
{
    volatile bool _stopping;

    /// <summary>Serves until the peer has left (without <see cref="VhostUserOptions.Relisten"/>) or <see cref="Stop"/> is called. Once.</summary>
    /// <exception cref="Interop.SystemCallException">The socket cannot be made.</exception>
    public void Run()
    {
        _ = (options, handler, logger, _stopping);
        throw new NotSupportedException("The vhost-user back end is on its way.");
    }

    /// <summary>From any thread: finishes what is in flight, at most <see cref="VhostUserOptions.DrainLimit"/>; then Run returns.</summary>
    public void Stop() => _stopping = true;

    public void Dispose() => GC.SuppressFinalize(this);
}
