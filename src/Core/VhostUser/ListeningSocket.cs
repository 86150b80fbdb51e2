using System.Globalization;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The socket on which a VMM is waited for: one that is made here, or one that was handed over.</summary>
sealed class ListeningSocket : IDisposable
{
    readonly FileDescriptor _socket;
    readonly string? _path;
    readonly FileShape _made;

    ListeningSocket(FileDescriptor socket, string? path, FileShape made)
    {
        _socket = socket;
        _path = path;
        _made = made;
    }

    public int Fd => _socket.Value;

    /// <summary>For the log.</summary>
    public string Name => _path ?? $"fd {Fd.ToString(CultureInfo.InvariantCulture)}";

    /// <exception cref="IOException">It cannot be made, or the path or descriptor is not what it must be.</exception>
    public static ListeningSocket Open(VhostUserOptions options)
    {
        if (options.SocketPath is null == options.ListenFd is null)
            throw new ArgumentException("Give either a socket path or a listening descriptor.", nameof(options));
        return options.ListenFd is { } fd ? Adopt(fd) : Make(options.SocketPath!, options);
    }

    /// <summary>Removes the path, if it is still the one that was made here.</summary>
    public void Dispose()
    {
        if (_socket.Value < 0)
            return;
        _socket.Dispose();
        if (_path is null || FileShape.OfPath(_path, out var now) < 0)
            return;
        if (now.Inode == _made.Inode && now.Device == _made.Device)
            _ = SocketFiles.Unlink(_path);
    }

    static ListeningSocket Adopt(int fd)
    {
        var subject = $"fd {fd.ToString(CultureInfo.InvariantCulture)}";
        if (SystemCallException.ThrowIfError(Sockets.IsListening(fd), "getsockopt", subject) == 0)
            throw new IOException($"{subject} is a socket that does not listen; pass one on which listen() was called.");
        SystemCallException.ThrowIfError(Descriptors.SetCloseOnExec(fd), "fcntl", subject);
        return new ListeningSocket(new FileDescriptor(fd), null, default);
    }

    static ListeningSocket Make(string path, VhostUserOptions options)
    {
        var group = options.SocketGroup is null ? (uint?)null : FindGroup(options.SocketGroup);
        var mode = (uint)(options.SocketMode ?? (group is null
            ? UnixFileMode.UserRead | UnixFileMode.UserWrite
            : UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite));
        var socket = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateStream(), "socket"));
        var bound = false;
        try
        {
            SystemCallException.ThrowIfError(SocketFiles.SetModeBeforeBind(socket.Value, 0), "fchmod", path);
            var result = Sockets.Bind(socket.Value, path);
            if (result == -(int)Errno.EADDRINUSE)
            {
                RemoveStale(path);
                result = Sockets.Bind(socket.Value, path);
            }
            SystemCallException.ThrowIfError(result, "bind", path);
            bound = true;
            // By descriptor: in a directory that others may write, the name can be another file's by now, and chmod follows links.
            using var entry = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW), "open", path));
            SystemCallException.ThrowIfError(FileShape.OfDescriptor(entry.Value, out var made), "statx", path);
            if (!made.IsSocket)
                throw new IOException($"{path} was replaced by another file while the socket was made; choose a directory that others cannot write.");
            var byDescriptor = $"/proc/self/fd/{entry.Value.ToString(CultureInfo.InvariantCulture)}";
            // Nobody can connect before listen, so the order of the next steps opens no gap.
            if (group is { } id)
                SystemCallException.ThrowIfError(SocketFiles.SetGroup(path, id), "chown", path);
            SystemCallException.ThrowIfError(SocketFiles.SetMode(byDescriptor, mode), "chmod", path);
            SystemCallException.ThrowIfError(Sockets.Listen(socket.Value, 1), "listen", path);
            return new ListeningSocket(socket, path, made);
        }
        catch
        {
            socket.Dispose();
            if (bound)
                _ = SocketFiles.Unlink(path);
            throw;
        }
    }

    static void RemoveStale(string path)
    {
        SystemCallException.ThrowIfError(FileShape.OfPath(path, out var shape), "statx", path);
        if (!shape.IsSocket)
            throw new IOException($"{path} exists and is not a socket; remove it or choose another path.");
        using var probe = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateStream(nonBlocking: true), "socket"));
        var result = Sockets.Connect(probe.Value, path);
        // EAGAIN: somebody listens, and has more waiting than it can take.
        if (result is 0 or -(int)Errno.EAGAIN)
            throw new IOException($"{path} is in use: another process listens there.");
        if (result != -(int)Errno.ECONNREFUSED)
            SystemCallException.ThrowIfError(result, "connect", path);
        SystemCallException.ThrowIfError(SocketFiles.Unlink(path), "unlink", path);
    }

    static uint FindGroup(string name)
    {
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            return id;
        var result = SocketFiles.FindGroup(name, out id);
        if (result == -(int)Errno.ENOENT)
            throw new IOException($"There is no group '{name}' for the socket.");
        SystemCallException.ThrowIfError(result, "getgrnam_r", name);
        return id;
    }
}
