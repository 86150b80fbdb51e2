using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Channels;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>
/// The parent's end of the connection to its server. What comes from there is not trusted: it faces the guest. Answers are small, and
/// one that fits no question is passed over.
/// </summary>
sealed class ServerLink : IDisposable
{
    const int MaxErrorText = 4096;

    readonly MessageSocket _socket;
    readonly ConcurrentDictionary<uint, TaskCompletionSource<byte[]>> _waiting = new();

    // Until the server says that it has closed them.
    readonly ConcurrentDictionary<uint, IPieceSource> _images = new();
    readonly FetchAnswers _answers;
    readonly Thread _receiver;
    readonly Lock _sending = new();
    int _lastId;
    int _lastImage;
    volatile bool _ended;

    /// <param name="socket">Becomes this object's own.</param>
    /// <param name="logger">For what goes wrong here.</param>
    public ServerLink(FileDescriptor socket, ILogger logger)
    {
        _socket = new MessageSocket(socket);
        _answers = new FetchAnswers(_socket, (uint)ServerMessage.Fetched, logger);
        _receiver = new Thread(Receive, 256 * 1024) { IsBackground = true, Name = "server link" };
        _receiver.Start();
    }

    public void SendSettings(ServeSettings settings) =>
        _socket.Send((uint)ServerMessage.Settings, 0, JsonSerializer.SerializeToUtf8Bytes(settings, ServerJson.Default.ServeSettings));

    /// <summary>Hands a source over; its descriptors stay the caller's to close, and who fetches its pieces is this object's from then on.</summary>
    /// <exception cref="MountException">The server refuses.</exception>
    /// <exception cref="IOException">It cannot, or has ended.</exception>
    public async Task MountAsync(string path, OpenedSource source)
    {
        var image = 0u;
        if (source.TakePieces() is { } pieces)
        {
            image = (uint)Interlocked.Increment(ref _lastImage);
            _images[image] = pieces;
        }
        try
        {
            await MountAsync(path, source, image).ConfigureAwait(false);
        }
        catch
        {
            await ReleaseAsync(image).ConfigureAwait(false);
            throw;
        }
    }

    async Task MountAsync(string path, OpenedSource source, uint image)
    {
        var message = new MountMessage(path, source.Kind, source.Name, source.Settings, source.Layers, source.Descriptors.Count, image);
        var body = JsonSerializer.SerializeToUtf8Bytes(message, ServerJson.Default.MountMessage);
        var chunks = source.Descriptors.Select(descriptor => descriptor.Value).Chunk(MessageSocket.MaxDescriptors).ToArray();
        _ = await RequestAsync(ServerMessage.Mount, body, id =>
        {
            foreach (var some in chunks)
                _socket.Send((uint)ServerMessage.Descriptors, id, default, some);
        }).ConfigureAwait(false);
    }

    /// <exception cref="MountException">The server refuses.</exception>
    /// <exception cref="IOException">It cannot, or has ended.</exception>
    public Task UnmountAsync(string path) => RequestAsync(ServerMessage.Unmount, Encoding.UTF8.GetBytes(path));

    /// <summary>What was asked of a mount; null if there is none.</summary>
    /// <exception cref="IOException">The server has ended, or what it says makes no sense.</exception>
    public async Task<MountStatistics?> StatisticsAsync(string path)
    {
        var answer = await RequestAsync(ServerMessage.Statistics, Encoding.UTF8.GetBytes(path)).ConfigureAwait(false);
        try
        {
            return answer.Length == 0 ? null : JsonSerializer.Deserialize(answer, ServerJson.Default.MountStatistics);
        }
        catch (JsonException exception)
        {
            throw new IOException("the server's counts make no sense", exception);
        }
    }

    /// <summary>From which level on the server logs.</summary>
    public Task SetLogLevelAsync(LogLevel level) => RequestAsync(ServerMessage.LogLevel, [(byte)level]);

    /// <summary>Has the server log what it counts itself. One that has ended has done so.</summary>
    public async Task LogCountsAsync()
    {
        try
        {
            _ = await RequestAsync(ServerMessage.LogCounts, []).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // With --stats.
        }
    }

    /// <summary>Has the server take its VMM's connections from a listening socket, which stays the caller's to close.</summary>
    /// <exception cref="IOException">The server has ended.</exception>
    public Task ServeAsync(int listener) => RequestAsync(ServerMessage.Serve, [], descriptors: listener);

    /// <summary>The server ends by it; who waits for an answer learns that it has.</summary>
    public void Close() => _socket.Shutdown();

    public void Dispose()
    {
        Close();
        _receiver.Join();
        _answers.Dispose();
        _socket.Dispose();
        foreach (var image in _images.Keys)
            ReleaseAsync(image).GetAwaiter().GetResult();
    }

    /// <param name="kind">What is asked.</param>
    /// <param name="body">With what.</param>
    /// <param name="before">Sends what belongs to the request of that id.</param>
    /// <param name="descriptors">Go with it.</param>
    async Task<byte[]> RequestAsync(ServerMessage kind, byte[] body, Action<uint>? before = null, params int[] descriptors)
    {
        var answer = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = (uint)Interlocked.Increment(ref _lastId);
        _waiting[id] = answer;
        try
        {
            if (_ended)
                throw new ServerEndedException();
            // One at a time, so that a mount's descriptors stay together.
            lock (_sending)
            {
                before?.Invoke(id);
                _socket.Send((uint)kind, id, body, descriptors);
            }
            return await answer.Task.ConfigureAwait(false);
        }
        catch (SystemCallException exception) when (exception.Error is Errno.EPIPE or Errno.ECONNRESET)
        {
            throw new ServerEndedException();
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    void Receive()
    {
        try
        {
            while (_socket.Receive() is { } message)
            {
                using (message)
                    Answer(message);
            }
        }
        catch (IOException)
        {
            // The server has ended, or is about to: who waits for its process says how.
        }
        _ended = true;
        foreach (var waiting in _waiting.Values)
            waiting.TrySetException(new ServerEndedException());
    }

    async Task ReleaseAsync(uint image)
    {
        if (_images.TryRemove(image, out var pieces) && pieces is IAsyncDisposable disposable)
            await disposable.DisposeAsync().ConfigureAwait(false);
    }

    void Answer(ReceivedMessage message)
    {
        switch ((ServerMessage)message.Kind)
        {
            case ServerMessage.Fetch:
                if (FetchAnswers.Parse(message) is { } fetch)
                    _answers.Answer(message.Id, _images.GetValueOrDefault(fetch.Image), fetch);
                return;
            case ServerMessage.ReleaseImage:
                var image = message.Id;
                _ = Task.Run(() => ReleaseAsync(image));
                return;
        }
        if (!_waiting.TryGetValue(message.Id, out var waiting))
            return;
        if ((ServerMessage)message.Kind == ServerMessage.Failed)
        {
            var body = message.Body.Span;
            var text = body.IsEmpty ? "the server refuses" : Encoding.UTF8.GetString(body[1..Math.Min(body.Length, MaxErrorText)]);
            waiting.TrySetException(body.IsEmpty || body[0] == 0 ? new IOException(text) : new MountException((MountFailure)(body[0] - 1), text));
        }
        else
        {
            waiting.TrySetResult(message.Body.ToArray());
        }
    }
}
