using System.Globalization;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The socket on which a VMM is waited for: one that is made here, or one that was handed over.</summary>
public sealed class ListeningSocket : IDisposable
{
    readonly FileDescriptor _socket;
    readonly string? _path;
    readonly FileShape _made;

    ListeningSocket(FileDescriptor socket, string name, string? path = null, FileShape made = default)
    {
        _socket = socket;
        Name = name;
        _path = path;
        _made = made;
    }

    public int Fd => _socket.Value;

    /// <summary>For the log.</summary>
    public string Name { get; }

    /// <exception cref="IOException">It cannot be made, or the path or descriptor is not what it must be.</exception>
    public static ListeningSocket Open(VhostUserOptions options)
    {
        if (options.SocketPath is null == options.ListenFd is null)
            throw new ArgumentException("Give either a socket path or a listening descriptor.", nameof(options));
        return options.ListenFd is { } fd ? Adopt(fd, options.ListenName) : Make(options.SocketPath!, options);
    }

    /// <summary>Removes the path, if it is still the one that was made here.</summary>
    public void Dispose()
    {
        if (_socket.Value < 0)
            return;
        _socket.Dispose();
        if (_path is not null)
            RemoveMade(_path, _made);
    }

    /// <summary>
    /// Gives what was made access to others. By a descriptor of that very file: who may write to the directory can put another
    /// file, or a link to one, in its place at any moment.
    /// </summary>
    /// <exception cref="IOException">Another file is there, or the change is not allowed.</exception>
    internal static void SetAccess(string path, in FileShape made, uint? group, uint mode)
    {
        using var file = new FileDescriptor(
            SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW), "open", path));
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(file.Value, out var opened), "statx", path);
        if (!IsSame(opened, made))
            throw Replaced(path);
        if (group is { } id)
            SystemCallException.ThrowIfError(SocketFiles.SetGroup(file.Value, id), "chown", path);
        SystemCallException.ThrowIfError(SocketFiles.SetMode(file.Value, mode), "chmod", path);
    }

    static ListeningSocket Adopt(int fd, string? name)
    {
        var subject = $"fd {fd.ToString(CultureInfo.InvariantCulture)}";
        if (SystemCallException.ThrowIfError(Sockets.IsListening(fd), "getsockopt", subject) == 0)
            throw new IOException($"{subject} is a socket that does not listen; pass one on which listen() was called.");
        SystemCallException.ThrowIfError(Descriptors.SetCloseOnExec(fd), "fcntl", subject);
        return new ListeningSocket(new FileDescriptor(fd), name ?? subject);
    }

    static ListeningSocket Make(string path, VhostUserOptions options)
    {
        var group = options.SocketGroup is null ? (uint?)null : FindGroup(options.SocketGroup);
        var mode = (uint)(options.SocketMode ?? (group is null
            ? UnixFileMode.UserRead | UnixFileMode.UserWrite
            : UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite));
        var socket = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateStream(), "socket"));
        FileShape made = default;
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
            SystemCallException.ThrowIfError(FileShape.OfPath(path, out var found), "statx", path);
            // bind does not tell which file it made, but nobody else's socket that is worth anything has no permissions at all.
            if (!found.IsSocket || found.Permissions != 0)
                throw Replaced(path);
            made = found;
            // Nobody can connect before listen, so the order of the next steps opens no gap.
            SetAccess(path, made, group, mode);
            SystemCallException.ThrowIfError(Sockets.Listen(socket.Value, 1), "listen", path);
            return new ListeningSocket(socket, path, path, made);
        }
        catch
        {
            socket.Dispose();
            RemoveMade(path, made);
            throw;
        }
    }

    static void RemoveMade(string path, in FileShape made)
    {
        if (made.IsSocket && FileShape.OfPath(path, out var now) >= 0 && IsSame(now, made))
            _ = SocketFiles.Unlink(path);
    }

    static bool IsSame(in FileShape one, in FileShape other) => one.Inode == other.Inode && one.Device == other.Device;

    static IOException Replaced(string path) =>
        new($"{path} was replaced while the socket was made; use a directory in which nobody else may write.");

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
