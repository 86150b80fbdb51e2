using System.Text;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>
/// The system's log: a datagram for each message. Never waits: a log daemon that is stuck costs messages, not a guest's time. Connected
/// before a sandbox is entered, in which there is no such path.
/// </summary>
sealed class SyslogSocket : IDisposable
{
    public const string DefaultPath = "/dev/log";

    readonly string _path;
    readonly Lock _lock = new();
    FileDescriptor _socket;

    SyslogSocket(string path, FileDescriptor socket)
    {
        _path = path;
        _socket = socket;
    }

    /// <summary>Of a socket that is connected already, and is taken over.</summary>
    public SyslogSocket(int connected)
        : this(DefaultPath, new FileDescriptor(connected))
    {
    }

    /// <summary>For a process that goes on with the same log.</summary>
    public int Fd => _socket.Value;

    /// <exception cref="SystemCallException">Nobody takes messages there.</exception>
    public static SyslogSocket Connect(string path = DefaultPath)
    {
        var socket = new FileDescriptor(SystemCallException.ThrowIfError(Sockets.CreateDatagram(), "socket"));
        try
        {
            SystemCallException.ThrowIfError(Sockets.Connect(socket.Value, path), "connect", path);
            return new SyslogSocket(path, socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends one message; one that the log does not take is dropped.</summary>
    public void Send(string message)
    {
        var bytes = Encoding.UTF8.GetBytes(message);
        lock (_lock)
        {
            // A log daemon that was started anew has another socket under the same path.
            if (TrySend(bytes) is Errno.ECONNREFUSED or Errno.ENOTCONN or Errno.ECONNRESET && TryConnectAgain())
                _ = TrySend(bytes);
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _socket.Dispose();
    }

    unsafe Errno TrySend(byte[] bytes)
    {
        fixed (byte* start = bytes)
            return Sockets.Send(_socket.Value, start, (nuint)bytes.Length, flags: Sockets.MSG_DONTWAIT).ToErrno();
    }

    bool TryConnectAgain()
    {
        try
        {
            var connected = Connect(_path);
            _socket.Dispose();
            _socket = connected._socket;
            return true;
        }
        catch (SystemCallException)
        {
            return false;
        }
    }
}
