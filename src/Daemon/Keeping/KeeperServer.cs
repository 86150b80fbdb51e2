using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>Answers the other processes that use a store. A thread takes connections, each has one of its own.</summary>
sealed class KeeperServer : IDisposable
{
    /// <summary>Clients at a time. Who connects above that waits in the socket's queue.</summary>
    const int MaxConnections = 1024;

    readonly IKeeper _keeper;
    readonly FileDescriptor _listener;
    readonly ILogger _logger;
    readonly CancellationTokenSource _stop = new();
    readonly HashSet<MessageSocket> _connections = [];
    readonly SemaphoreSlim _room = new(MaxConnections);

    /// <param name="keeper">Who does the work; not owned.</param>
    /// <param name="listener">A listening SOCK_SEQPACKET socket; owned.</param>
    /// <param name="logger">For what went wrong here.</param>
    public KeeperServer(IKeeper keeper, FileDescriptor listener, ILogger logger)
    {
        _keeper = keeper;
        _listener = listener;
        _logger = logger;
        new Thread(Accept, 256 * 1024) { IsBackground = true, Name = "keeper" }.Start();
    }

    /// <summary>Ends all connections, and with them the work for them.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _ = Sockets.Shutdown(_listener.Value);
        lock (_connections)
        {
            foreach (var connection in _connections)
                connection.Shutdown();
        }
    }

    void Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            var fd = Sockets.Accept(_listener.Value);
            if (fd < 0)
            {
                if (_stop.IsCancellationRequested)
                    break;
                Log.KeeperCannotAccept(_logger, fd.ToErrno().Describe());
                // Out of descriptors, most likely: they come back as connections end.
                _ = _stop.Token.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(100));
                continue;
            }
            var connection = new MessageSocket(new FileDescriptor(fd));
            lock (_connections)
                _connections.Add(connection);
            _room.Wait();
            new Thread(() => Serve(connection), 256 * 1024) { IsBackground = true, Name = "keeper connection" }.Start();
        }
        _listener.Dispose();
    }

    void Serve(MessageSocket connection)
    {
        try
        {
            using var request = connection.Receive();
            if (request is { Kind: (uint)KeeperMessage.OpenImage })
                OpenImage(connection, JsonSerializer.Deserialize(request.Body.Span, KeeperJson.Default.ImageRequest)!);
            // Whatever else comes, and its end, which is what a watcher waits for.
            while (connection.Receive() is { } surplus)
                surplus.Dispose();
        }
        catch (Exception exception) when (ProgramCommand.IsExpected(exception) || exception is JsonException)
        {
            Log.KeeperConnectionFailed(_logger, exception.Message);
        }
        catch (Exception exception)
        {
            Log.KeeperFailed(_logger, exception);
        }
        finally
        {
            lock (_connections)
                _connections.Remove(connection);
            connection.Dispose();
            _room.Release();
        }
    }

    void OpenImage(MessageSocket connection, ImageRequest request)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        // Nothing more comes from a client that waits for its answer: what becomes readable is its end.
        var watch = new Thread(
            () =>
            {
                Span<PollEntry> entries = [new PollEntry(connection.Fd, Polling.POLLIN)];
                _ = Polling.Poll(entries, -1);
                try
                {
                    gone.Cancel();
                }
                catch (ObjectDisposedException)
                {
                    // The answer was under way already.
                }
            },
            256 * 1024)
        { IsBackground = true, Name = "keeper client" };
        watch.Start();
        try
        {
            using var files = _keeper.OpenImageAsync(
                ImageReference.Parse(request.Reference), Platform.Parse(request.Platform), new Reporter(connection), gone.Token).AsTask().GetAwaiter().GetResult();
            var numbers = files.Descriptors.Select(descriptor => descriptor.Value).ToArray();
            foreach (var some in numbers.Chunk(MessageSocket.MaxDescriptors))
                connection.Send((uint)KeeperMessage.Descriptors, 0, default, some);
            var answer = new ImageAnswer([.. files.Layers.Select(layer => layer.ToString())]);
            connection.Send((uint)KeeperMessage.Image, 0, JsonSerializer.SerializeToUtf8Bytes(answer, KeeperJson.Default.ImageAnswer));
        }
        catch (OperationCanceledException)
        {
            // Nobody waits any more.
        }
        catch (Exception exception) when (ProgramCommand.IsExpected(exception) && exception is not SystemCallException { Call: "sendmsg" })
        {
            var text = Encoding.UTF8.GetBytes(exception.Message);
            connection.Send((uint)KeeperMessage.Failed, 0, text.AsSpan(0, Math.Min(text.Length, 16 * 1024)));
        }
    }

    sealed class Reporter(MessageSocket connection) : IProgress<LayerProgress>
    {
        public void Report(LayerProgress value)
        {
            var progress = new ImageProgress(value.Layer.ToString(), value.Done, value.Total);
            try
            {
                connection.Send((uint)KeeperMessage.Progress, 0, JsonSerializer.SerializeToUtf8Bytes(progress, KeeperJson.Default.ImageProgress));
            }
            catch (SystemCallException)
            {
                // The client has gone; its end is seen elsewhere.
            }
        }
    }
}
