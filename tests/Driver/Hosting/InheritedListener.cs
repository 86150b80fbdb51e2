using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;
using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>A unix socket that a child process inherits by its number, as Kata and libvirt pass one. Its path stays when this end is closed.</summary>
public sealed class InheritedListener : IDisposable
{
    readonly FileDescriptor _socket = new(Native.CreateSocket());

    public InheritedListener(string path, bool listening = true)
    {
        Native.Bind(Fd, VhostUserSocket.Address(path), path, listening);
        SystemCallException.ThrowIfError(Native.KeepOnExec(Fd), "fcntl", path);
    }

    public int Fd => _socket.Value;

    public void Dispose() => _socket.Dispose();
}
