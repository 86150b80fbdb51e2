using System.Net.Sockets;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>A listening unix socket that a child process inherits by its number, as Kata and libvirt pass one.</summary>
public sealed class InheritedListener : IDisposable
{
    readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public InheritedListener(string path, bool listening = true)
    {
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        if (listening)
            _socket.Listen(1);
        SystemCallException.ThrowIfError(Native.KeepOnExec(Fd), "fcntl", path);
    }

    public int Fd => (int)_socket.Handle;

    public void Dispose() => _socket.Dispose();
}
