using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>A vhost-user back end for one virtio-fs device: listens, serves one peer at a time, ends or listens again.</summary>
public sealed class VhostUserServer : IDisposable
{
    const int ShortageMilliseconds = 200;

    readonly VhostUserOptions _options;
    readonly IRequestHandler _handler;
    readonly ILogger _logger;
    readonly ConfigurationSpace? _configuration;
    readonly GuestMemoryTable _memory = new();
    readonly AbandonedQueues _abandoned;
    readonly int _stop = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");
    readonly Lock _stopLock = new();
    bool _disposed;

    /// <exception cref="ArgumentException">The options contradict one another or the specification.</exception>
    public VhostUserServer(VhostUserOptions options, IRequestHandler handler, ILogger logger)
    {
        // The queue's number has 8 bits in SET_VRING_KICK.
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.MaxRequestQueues is > 0 and < 256, true, nameof(options.MaxRequestQueues));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.RequestQueues, options.MaxRequestQueues);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RequestQueues, 1);
        if (!DaxRange.IsWindow(options.DaxWindow) && options.DaxWindow != 0)
            throw new ArgumentException($"A DAX window has a multiple of {DaxRange.Size} bytes, at most {DaxRange.MaxWindow}; not {options.DaxWindow}.", nameof(options));
        _options = options;
        _handler = handler;
        _logger = logger;
        _configuration = options.Tag is null ? null : new ConfigurationSpace(options.Tag, options.RequestQueues);
        _abandoned = new AbandonedQueues(_memory);
    }

    bool IsStopping
    {
        get
        {
            Span<PollEntry> entries = [new PollEntry(_stop, Polling.POLLIN)];
            return Polling.Poll(entries, 0) > 0;
        }
    }

    /// <summary>Serves until the peer has left (without <see cref="VhostUserOptions.Relisten"/>) or <see cref="Stop"/> is called. Once.</summary>
    /// <exception cref="IOException">The socket cannot be made or used; the message says why.</exception>
    public void Run()
    {
        using var listener = ListeningSocket.Open(_options);
        bool wasVmm;
        do
        {
            var socket = Accept(listener);
            if (socket is null)
                break;
            Log.Connected(_logger);
            wasVmm = Serve(socket);
        }
        // Who leaves without a word only looked whether somebody listens, as a second daemon on the same path does.
        while ((_options.Relisten || !wasVmm) && !IsStopping);
        _abandoned.Reap();
        if (_abandoned.IsEmpty)
            _handler.Reset();
    }

    /// <summary>After Run: requests that did not end in time still run, and use what the handler serves from.</summary>
    public bool HasAbandoned => !_abandoned.IsEmpty;

    /// <summary>From any thread: finishes what is in flight, and cancels what waits longer than <see cref="VhostUserOptions.StopGrace"/>; then Run
    /// returns, at the latest after <see cref="VhostUserOptions.DrainLimit"/>.</summary>
    public void Stop()
    {
        // A signal can come at the very end, when the number may mean something else already.
        lock (_stopLock)
        {
            if (!_disposed)
                _ = EventFd.Signal(_stop);
        }
    }

    /// <summary>After Run has returned.</summary>
    public void Dispose()
    {
        lock (_stopLock)
        {
            if (_disposed)
                return;
            _disposed = true;
            _ = Descriptors.Close(_stop);
        }
        _abandoned.Dispose();
        _memory.Dispose();
    }

    /// <summary>The next connection; null when this is being stopped.</summary>
    FileDescriptor? Accept(ListeningSocket listener)
    {
        Log.Waiting(_logger, listener.Name);
        _options.Listening?.Invoke();
        Span<PollEntry> entries =
        [
            new PollEntry(listener.Fd, Polling.POLLIN),
            new PollEntry(_stop, Polling.POLLIN),
            new PollEntry(_abandoned.WakeFd, Polling.POLLIN),
            new PollEntry(_memory.WakeFd, Polling.POLLIN),
        ];
        while (true)
        {
            SystemCallException.ThrowIfError(Polling.Poll(entries, -1), "poll", listener.Name);
            if (entries[1].Returned != 0)
                return null;
            if (entries[2].Returned != 0)
                _abandoned.Reap();
            if (entries[3].Returned != 0)
                _memory.Collect();
            if (entries[0].Returned == 0)
                continue;
            var socket = Sockets.Accept(listener.Fd);
            if (socket >= 0)
                return new FileDescriptor(socket);
            // The peer can be gone again before it was taken.
            if (socket == -(int)Errno.ECONNABORTED)
                continue;
            if (!IsShortage(socket))
                SystemCallException.ThrowIfError(socket, "accept", listener.Name);
            Log.AcceptFailed(_logger, socket.ToErrno().Describe());
            // Nothing tells when there are descriptors again.
            _ = Polling.Poll(entries[1..2], ShortageMilliseconds);
        }
    }

    static bool IsShortage(int result) => result.ToErrno() is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM;

    /// <summary>One connection to its end. False: nothing came over it.</summary>
    bool Serve(FileDescriptor socket)
    {
        using var channel = new MessageChannel(socket, _stop);
        using var device = new VhostUserDevice(_options, _handler, _memory, _abandoned, _configuration, channel, _logger);
        using var message = new Message();
        var spoke = false;
        try
        {
            var cutOff = false;
            while (WaitForMessage(channel, device) && channel.TryReceive(message, out cutOff))
            {
                spoke = true;
                Log.Received(_logger, message.Request, message.Size, message.DescriptorCount);
                device.Handle(message);
            }
            if (IsStopping)
                Log.Stopping(_logger);
            else if (cutOff)
                Log.CutOff(_logger);
            else
                Log.Disconnected(_logger);
        }
        catch (Exception exception) when (exception is VhostUserException or SystemCallException)
        {
            spoke = true;
            Log.ConnectionRejected(_logger, message.Request, exception.Message);
            // The peer learns of it at once; ending the queues below can take its time.
            _ = Sockets.Shutdown(channel.Fd);
        }
        catch (Exception exception)
        {
            // A message must not end the program; the session behind it goes on under --relisten.
            Log.ConnectionFailed(_logger, message.Request, exception);
            _ = Sockets.Shutdown(channel.Fd);
        }
        // A VMM that may come back finds its answers in the ring; without one nobody waits for them.
        if (!_options.Relisten && !IsStopping)
            device.OnPeerLost();
        return spoke;
    }

    bool WaitForMessage(MessageChannel channel, VhostUserDevice device)
    {
        Span<PollEntry> entries =
        [
            new PollEntry(channel.Fd, Polling.POLLIN),
            new PollEntry(_stop, Polling.POLLIN),
            new PollEntry(_abandoned.WakeFd, Polling.POLLIN),
            new PollEntry(_memory.WakeFd, Polling.POLLIN),
        ];
        while (true)
        {
            SystemCallException.ThrowIfError(Polling.Poll(entries, -1), "poll");
            if (entries[1].Returned != 0)
                return false;
            if (entries[2].Returned != 0)
                device.OnAbandonedEnded();
            if (entries[3].Returned != 0)
                _memory.Collect();
            if (entries[0].Returned != 0)
                return true;
        }
    }
}
