using System.Globalization;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>Where the keeper of a store is found, and what makes a process it: a socket and a lock in the store.</summary>
sealed class KeeperAddress(StoreDirectory store)
{
    public const string SocketName = "keeper.sock";
    const string LockName = "keeper";
    const int Backlog = 128;

    public StoreDirectory Store => store;

    public string SocketPath => Path.Combine(store.Root, SocketName);

    /// <summary>Null when nobody listens.</summary>
    /// <exception cref="SystemCallException">The socket is there and cannot be used.</exception>
    public MessageSocket? TryConnect()
    {
        using var folder = OpenFolder();
        var socket = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateSequencedPacket(), "socket"));
        // Its limit holds for connecting, too.
        var connection = new MessageSocket(socket);
        var result = Sockets.Connect(socket.Value, PathIn(folder));
        if (result >= 0)
            return connection;
        connection.Dispose();
        // EAGAIN: somebody listens, and has more waiting than it can take.
        if (result is -(int)Errno.ENOENT or -(int)Errno.ECONNREFUSED or -(int)Errno.EAGAIN)
            return null;
        throw new SystemCallException(result.ToErrno(), "connect", SocketPath);
    }

    /// <summary>The right to be the keeper, until it is disposed of or the process ends; null while another has it.</summary>
    public StoreLock? TryTakeOffice() => store.TryLock(LockName);

    /// <summary>Waits for the right to be the keeper.</summary>
    public ValueTask<StoreLock> TakeOfficeAsync(CancellationToken cancellation) => store.LockAsync(LockName, cancellation);

    /// <summary>Listens in the store; whoever holds the office does, so that what is in the way is a dead one's.</summary>
    /// <exception cref="ImageException">The store does not take a socket.</exception>
    public FileDescriptor Listen()
    {
        using var folder = OpenFolder();
        var socket = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateSequencedPacket(), "socket"));
        try
        {
            _ = SocketFiles.Unlink(SocketPath);
            SystemCallException.ThrowIfError(SocketFiles.SetModeBeforeBind(socket.Value, 0x180 /* 0600 */), "fchmod", SocketPath);
            SystemCallException.ThrowIfError(Sockets.Bind(socket.Value, PathIn(folder)), "bind", SocketPath);
            SystemCallException.ThrowIfError(Sockets.Listen(socket.Value, Backlog), "listen", SocketPath);
            return socket;
        }
        catch (SystemCallException exception)
        {
            socket.Dispose();
            throw new ImageException($"this process cannot be the keeper of the store {store.Root}: {exception.Message}", exception);
        }
    }

    /// <summary>Whether somebody else than this process listens now; null: somebody has made a socket and does not listen yet. Asked of the
    /// socket: a new file may have a removed one's inode number.</summary>
    public bool? IsTaken
    {
        get
        {
            using var connection = TryConnect();
            if (connection is not null)
                return Sockets.PeerProcess(connection.Fd) != Environment.ProcessId;
            return FileShape.OfPath(SocketPath, out _) >= 0 ? null : false;
        }
    }

    /// <summary>Calls back, from some thread, whenever something happens to the socket's name.</summary>
    public FileSystemWatcher Observe(Action changed)
    {
        var watcher = new FileSystemWatcher(store.Root, SocketName) { NotifyFilter = NotifyFilters.FileName, InternalBufferSize = 4096 };
        watcher.Created += (_, _) => changed();
        watcher.Deleted += (_, _) => changed();
        watcher.Renamed += (_, _) => changed();
        watcher.EnableRaisingEvents = true;
        return watcher;
    }

    FileDescriptor OpenFolder() =>
        new(SystemCallException.ThrowIfError(Descriptors.Open(store.Root, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), "open", store.Root));

    /// <summary>An address has room for 107 bytes, a store's path may have more.</summary>
    static string PathIn(FileDescriptor folder) => $"/proc/self/fd/{folder.Value.ToString(CultureInfo.InvariantCulture)}/{SocketName}";
}
