using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>The keeper's end of a connection over which an image was opened, as long as the client serves it.</summary>
/// <param name="socket">Becomes this object's own.</param>
/// <param name="image">Becomes this object's own; null for a client that only watches.</param>
/// <param name="logger">For what went wrong here.</param>
sealed class KeptConnection(MessageSocket socket, IKeptImage? image, ILogger logger) : IDisposable
{
    readonly FetchAnswers _answers = new(socket, (uint)KeeperMessage.Fetched, logger);

    public int Fd => socket.Fd;

    /// <summary>Takes a message, which must be there already, and never waits for the answer. False at the connection's end.</summary>
    public bool Take()
    {
        try
        {
            using var message = socket.Receive();
            if (message is null || image is null || (KeeperMessage)message.Kind != KeeperMessage.Fetch || FetchAnswers.Parse(message) is not { } fetch)
                return false;
            _answers.Answer(message.Id, image, fetch);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _answers.Dispose();
        // The client's end, too, whoever else here still looks at the socket.
        socket.Shutdown();
        socket.Dispose();
        if (image is not null)
            _ = EndAsync(image);
    }

    async Task EndAsync(IKeptImage ended)
    {
        try
        {
            await ended.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Log.KeeperFailed(logger, exception);
        }
    }
}
