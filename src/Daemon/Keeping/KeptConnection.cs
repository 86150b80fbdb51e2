using System.Text.Json;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>The keeper's end of a connection over which an image was opened, as long as the client serves it.</summary>
/// <param name="socket">Becomes this object's own.</param>
/// <param name="image">Becomes this object's own; null for a client that only watches.</param>
/// <param name="logger">For what went wrong here.</param>
/// <param name="ended">Called before the image ends.</param>
sealed class KeptConnection(MessageSocket socket, IKeptImage? image, ILogger logger, Action? ended = null) : IDisposable
{
    readonly FetchAnswers _answers = new(socket, (uint)KeeperMessage.Fetched, logger);

    public int Fd => socket.Fd;

    /// <summary>Takes a message, which must be there already, and never waits for the answer. False at the connection's end.</summary>
    public bool Take()
    {
        try
        {
            using var message = socket.Receive();
            switch ((KeeperMessage?)message?.Kind)
            {
                case KeeperMessage.Fetch when image is not null && FetchAnswers.Parse(message!) is { } fetch:
                    _answers.Answer(message!.Id, image, fetch);
                    return true;
                case KeeperMessage.Count when image is not null:
                    _ = CountAsync(message!.Id, image);
                    return true;
                default:
                    return false;
            }
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        ended?.Invoke();
        _answers.Dispose();
        // The client's end, too, whoever else here still looks at the socket.
        socket.Shutdown();
        socket.Dispose();
        if (image is not null)
            _ = EndAsync(image);
    }

    async Task CountAsync(uint id, IKeptImage counted)
    {
        try
        {
            // It looks at every piece.
            var counts = await Task.Run(() => counted.CountAsync(CancellationToken.None).AsTask()).ConfigureAwait(false);
            socket.Send((uint)KeeperMessage.Counts, id, JsonSerializer.SerializeToUtf8Bytes(counts, KeeperJson.Default.ImageCounts));
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // The connection's end is seen where it is received from.
        }
    }

    async Task EndAsync(IKeptImage last)
    {
        try
        {
            await last.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Log.KeeperFailed(logger, exception);
        }
    }
}
