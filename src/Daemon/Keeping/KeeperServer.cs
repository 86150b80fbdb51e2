using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>
/// Answers the other processes that use a store. One thread takes connections, what comes over those whose images are open, and the ends of
/// all; opening an image has a thread of its own.
/// </summary>
sealed class KeeperServer : IDisposable
{
    /// <summary>Images that are opened at a time. Who connects above that waits in the socket's queue.</summary>
    const int MaxRequests = 64;

    const int MaxErrorText = 16 * 1024;

    /// <summary>Before a connection is taken again that there was no descriptor for.</summary>
    const int ShortageMilliseconds = 100;

    readonly IKeeper _keeper;
    readonly FileDescriptor _listener;
    readonly ILogger _logger;
    readonly ServedImages? _images;
    readonly CancellationTokenSource _stop = new();
    readonly HashSet<MessageSocket> _requests = [];
    readonly List<KeptConnection> _kept = [];
    readonly SemaphoreSlim _room = new(MaxRequests);
    readonly FileDescriptor _wake = new(SystemCallException.ThrowIfError(EventFd.Create(), "eventfd"));
    readonly Thread _thread;
    bool _isShort;
    uint _opened;

    /// <param name="keeper">Who does the work; not owned.</param>
    /// <param name="listener">A listening SOCK_SEQPACKET socket; owned, and only closed: systemd may go on listening on it.</param>
    /// <param name="logger">For what went wrong here.</param>
    /// <param name="images">Gets what clients have open, under their numbers; null for nobody who asks.</param>
    public KeeperServer(IKeeper keeper, FileDescriptor listener, ILogger logger, ServedImages? images = null)
    {
        _images = images;
        _keeper = keeper;
        _listener = listener;
        _logger = logger;
        _thread = new Thread(Accept, 256 * 1024) { IsBackground = true, Name = "keeper" };
        _thread.Start();
    }

    /// <summary>Ends all connections, and with them the work for them.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _ = EventFd.Signal(_wake.Value);
        _thread.Join();
        _listener.Dispose();
        lock (_requests)
        {
            foreach (var connection in _requests)
                connection.Shutdown();
        }
    }

    void Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            KeptConnection[] kept;
            lock (_kept)
                kept = [.. _kept];
            // The kept connections are served whatever the others do; who connects meanwhile waits in the socket's queue.
            var takes = !_isShort && _room.CurrentCount > 0;
            PollEntry[] entries = [new(takes ? _listener.Value : -1, Polling.POLLIN), new(_wake.Value, Polling.POLLIN), .. kept.Select(connection => new PollEntry(connection.Fd, Polling.POLLIN))];
            if (Polling.Poll(entries, _isShort ? ShortageMilliseconds : -1) < 0)
                break;
            _isShort = false;
            if (entries[1].Returned != 0)
                _ = EventFd.Drain(_wake.Value);
            for (var i = 0; i < kept.Length; i++)
            {
                if (entries[i + 2].Returned != 0 && !kept[i].Take())
                    Forget(kept[i]);
            }
            if (entries[0].Returned != 0)
                Take();
        }
        lock (_kept)
        {
            _kept.ForEach(connection => connection.Dispose());
            _kept.Clear();
        }
    }

    void Take()
    {
        var fd = Sockets.Accept(_listener.Value);
        if (fd < 0)
        {
            Log.KeeperCannotAccept(_logger, fd.ToErrno().Describe());
            // Out of descriptors, most likely: they come back as connections end.
            _isShort = true;
            return;
        }
        var connection = new MessageSocket(new FileDescriptor(fd));
        // Others only give places back.
        _ = _room.Wait(0);
        lock (_requests)
            _requests.Add(connection);
        new Thread(() => Serve(connection), 256 * 1024) { IsBackground = true, Name = "keeper request" }.Start();
    }

    void Forget(KeptConnection connection)
    {
        lock (_kept)
            _kept.Remove(connection);
        connection.Dispose();
    }

    void Serve(MessageSocket connection)
    {
        KeptConnection? kept = null;
        try
        {
            // Who connects says at once what for.
            Span<PollEntry> entries = [new PollEntry(connection.Fd, Polling.POLLIN)];
            if (Polling.Poll(entries, (int)RemoteKeeper.Patience.TotalMilliseconds) <= 0)
                return;
            using var request = connection.Receive();
            if (request is { Kind: (uint)KeeperMessage.OpenImage })
                kept = OpenImage(connection, request);
            else if (request is { Kind: (uint)KeeperMessage.Work })
                Work(connection, request);
            else if (request is { Kind: (uint)KeeperMessage.Watch })
                kept = new KeptConnection(connection, null, _logger);
        }
        catch (Exception exception) when (ProgramCommand.IsExpected(exception))
        {
            Log.KeeperConnectionFailed(_logger, exception.Message);
        }
        catch (Exception exception)
        {
            Log.KeeperFailed(_logger, exception);
        }
        finally
        {
            End(connection, kept);
        }
    }

    void End(MessageSocket connection, KeptConnection? kept)
    {
        lock (_requests)
            _requests.Remove(connection);
        _room.Release();
        var isKept = false;
        lock (_kept)
        {
            if (kept is not null && !_stop.IsCancellationRequested)
            {
                _kept.Add(kept);
                isKept = true;
            }
        }
        _ = EventFd.Signal(_wake.Value);
        if (isKept)
            return;
        kept?.Dispose();
        // The client's end, too, whoever else here still looks at the socket.
        connection.Shutdown();
        connection.Dispose();
    }

    /// <summary>The connection with the image, whose files have been sent; null if it could not be opened, or nobody wants it any more.</summary>
    KeptConnection? OpenImage(MessageSocket connection, ReceivedMessage message)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Watch(connection, gone);
        try
        {
            connection.Send((uint)KeeperMessage.Accepted, 0);
            var request = JsonSerializer.Deserialize(message.Body.Span, KeeperJson.Default.ImageMessage)!.ToRequest() with { UseMaps = message.Descriptors };
            var image = _keeper.OpenImageAsync(request, new Reporter(connection), gone.Token).AsTask().GetAwaiter().GetResult();
            var number = string.Create(CultureInfo.InvariantCulture, $"#{Interlocked.Increment(ref _opened)}");
            try
            {
                using var files = image.Files;
                var numbers = files.Descriptors.Select(descriptor => descriptor.Value).ToArray();
                var answer = new ImageAnswer(image.Manifest.ToString(), [.. files.Layers.Select(layer => layer.ToString())]);
                var body = JsonSerializer.SerializeToUtf8Bytes(answer, KeeperJson.Default.ImageAnswer);
                foreach (var some in numbers.Chunk(MessageSocket.MaxDescriptors))
                    connection.Send((uint)KeeperMessage.Descriptors, 0, default, some);
                _images?.Add(number, request.Reference.ToString(), image);
                connection.Send((uint)KeeperMessage.Image, 0, body);
                return new KeptConnection(connection, image, _logger, () => _images?.Remove(number));
            }
            catch
            {
                _images?.Remove(number);
                image.DisposeAsync().AsTask().GetAwaiter().GetResult();
                throw;
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody waits any more, or this keeper ends, which the client sees.
            return null;
        }
        catch (Exception exception)
        {
            Fail(connection, exception);
            if (!ProgramCommand.IsExpected(exception))
                throw;
            return null;
        }
    }

    /// <summary>Nothing more comes from a client that waits for its answer: what becomes readable is its end.</summary>
    static void Watch(MessageSocket connection, CancellationTokenSource gone) =>
        new Thread(
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
        { IsBackground = true, Name = "keeper client" }.Start();

    void Work(MessageSocket connection, ReceivedMessage message)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Watch(connection, gone);
        try
        {
            var work = JsonSerializer.Deserialize(message.Body.Span, KeeperJson.Default.CacheWork)!;
            var result = _keeper.WorkAsync(
                work,
                layer => connection.Send((uint)KeeperMessage.Layer, 0, JsonSerializer.SerializeToUtf8Bytes(layer, KeeperJson.Default.LayerReport)),
                gone.Token).AsTask().GetAwaiter().GetResult();
            connection.Send((uint)KeeperMessage.Worked, 0, JsonSerializer.SerializeToUtf8Bytes(result, KeeperJson.Default.CollectResult));
        }
        catch (OperationCanceledException)
        {
            // Nobody waits any more, or this keeper ends, which the client sees.
        }
        catch (Exception exception)
        {
            Fail(connection, exception);
            if (!ProgramCommand.IsExpected(exception))
                throw;
        }
    }

    static void Fail(MessageSocket connection, Exception exception)
    {
        var text = Encoding.UTF8.GetBytes(exception.Message);
        connection.SendIfPossible((uint)KeeperMessage.Failed, 0, text.AsSpan(0, Math.Min(text.Length, MaxErrorText)));
    }

    sealed class Reporter(MessageSocket connection) : IProgress<LayerProgress>
    {
        /// <summary>Never waits: a client that has stopped must not hold up the layer that others wait for.</summary>
        public void Report(LayerProgress value)
        {
            var progress = new ImageProgress(value.Layer.ToString(), value.Done, value.Total);
            connection.SendIfPossible((uint)KeeperMessage.Progress, 0, JsonSerializer.SerializeToUtf8Bytes(progress, KeeperJson.Default.ImageProgress));
        }
    }
}
