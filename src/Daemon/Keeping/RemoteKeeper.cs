using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>A keeper in another process, asked over the store's socket. A connection for each request, so that its end ends the work for it.</summary>
sealed class RemoteKeeper(KeeperAddress address) : IKeeper
{
    /// <exception cref="KeeperLostException">It ended before it answered; nothing was changed that asking again would not find.</exception>
    public async ValueTask<ImageFiles> OpenImageAsync(ImageReference reference, Platform platform, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        using var connection = address.TryConnect() ?? throw new KeeperLostException();
        using var gone = cancellation.Register(connection.Shutdown);
        var request = new ImageRequest((reference.Scheme == ImageScheme.Layout ? reference with { Path = Path.GetFullPath(reference.Path) } : reference).ToString(), platform.ToString());
        return await Task.Factory.StartNew(
            () => Ask(connection, request, reference.ToString(), progress, cancellation),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }

    /// <summary>How long a keeper may take to say that it has a request.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(30);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    static ImageFiles Ask(MessageSocket connection, ImageRequest request, string name, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var descriptors = new List<FileDescriptor>();
        try
        {
            connection.Send((uint)KeeperMessage.OpenImage, 0, JsonSerializer.SerializeToUtf8Bytes(request, KeeperJson.Default.ImageRequest));
            if (Polling.Poll([new PollEntry(connection.Fd, Polling.POLLIN)], (int)Patience.TotalMilliseconds) == 0)
                throw new ImageException($"the store's keeper does not take the request for {name}: the process that listens on {KeeperAddress.SocketName} in the store may be stopped, or waits for another keeper to end");
            while (connection.Receive() is { } message)
            {
                descriptors.AddRange(message.Descriptors);
                switch ((KeeperMessage)message.Kind)
                {
                    case KeeperMessage.Progress when JsonSerializer.Deserialize(message.Body.Span, KeeperJson.Default.ImageProgress) is { } report:
                        progress?.Report(new LayerProgress(DigestOf(report.Layer), report.Done, report.Total));
                        break;
                    case KeeperMessage.Image when JsonSerializer.Deserialize(message.Body.Span, KeeperJson.Default.ImageAnswer) is { } answer:
                        return new ImageFiles(name, [.. answer.Layers.Select(DigestOf)], descriptors);
                    case KeeperMessage.Failed:
                        throw new ImageException(Encoding.UTF8.GetString(message.Body.Span));
                }
            }
            cancellation.ThrowIfCancellationRequested();
            throw new KeeperLostException();
        }
        catch (Exception exception)
        {
            descriptors.ForEach(descriptor => descriptor.Dispose());
            cancellation.ThrowIfCancellationRequested();
            if (exception is SystemCallException { Error: Errno.EPIPE or Errno.ECONNRESET })
                throw new KeeperLostException(exception);
            if (exception is JsonException)
                throw new ImageException($"the store's keeper is of another version: its answer about {name} makes no sense", exception);
            throw;
        }
    }

    static Digest DigestOf(string text) => Digest.TryParse(text) ?? throw new JsonException($"'{text}' is not a digest");
}
