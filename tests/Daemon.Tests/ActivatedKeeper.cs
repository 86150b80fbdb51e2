using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A store's keeper as systemd starts it: on a socket that was there before it.</summary>
static class ActivatedKeeper
{
    public const string InOffice = "this process is the keeper of the store";

    /// <summary>In the place of whoever listens there.</summary>
    public static FileDescriptor Listen(string store)
    {
        var path = Path.Combine(store, "keeper.sock");
        File.Delete(path);
        var listener = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateSequencedPacket(), "socket"));
        SystemCallException.ThrowIfError(Sockets.Bind(listener.Value, path), "bind", path);
        SystemCallException.ThrowIfError(Sockets.Listen(listener.Value, 16), "listen", path);
        SystemCallException.ThrowIfError(Descriptors.SetInheritable(listener.Value), "fcntl");
        return listener;
    }

    /// <summary>LISTEN_PID is the process's own, which only it can know before it is this program.</summary>
    public static ChildProcess Start(string store, FileDescriptor listener, IReadOnlyDictionary<string, string>? environment = null) => ChildProcess.Start(
        "bash", ["-c", $"exec 3<&{listener.Value}; LISTEN_PID=$$ LISTEN_FDS=1 exec {Daemon.Program} keeper --store {store}"], readyText: InOffice, environment: environment);
}
