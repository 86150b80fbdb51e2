using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The socket on which this side may send requests to the VMM (vhost-user, "Back-end communication"), while the VMM lends it.</summary>
sealed class BackendChannel : IDisposable
{
    FileDescriptor? _socket;

    /// <summary>Takes over <paramref name="fd"/>; the channel before it is closed.</summary>
    public void Open(int fd)
    {
        Dispose();
        _socket = new FileDescriptor(fd);
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }
}
