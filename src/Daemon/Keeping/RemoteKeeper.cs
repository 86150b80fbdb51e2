using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>A keeper in another process, asked over the store's socket. A connection for each image, so that its end ends the work for it.</summary>
sealed class RemoteKeeper(KeeperAddress address) : IKeeper
{
    /// <exception cref="KeeperLostException">It ended before it answered; nothing was changed that asking again would not find.</exception>
    public async ValueTask<IKeptImage> OpenImageAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var connection = address.TryConnect() ?? throw new KeeperLostException();
        try
        {
            using var gone = cancellation.Register(connection.Shutdown);
            return await Task.Factory.StartNew(
                () => Ask(connection, request, progress, cancellation),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <exception cref="KeeperLostException">It ended before the work was done; what was done is done.</exception>
    public async ValueTask<CollectResult> WorkAsync(CacheWork work, Action<LayerReport> report, CancellationToken cancellation)
    {
        using var connection = address.TryConnect() ?? throw new KeeperLostException();
        using var gone = cancellation.Register(connection.Shutdown);
        return await Task.Factory.StartNew(
            () => Work(connection, work, report, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }

    /// <summary>How long a keeper may take to say that it has a request.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(30);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    static CollectResult Work(MessageSocket connection, CacheWork work, Action<LayerReport> report, CancellationToken cancellation)
    {
        try
        {
            connection.Send((uint)KeeperMessage.Work, 0, JsonSerializer.SerializeToUtf8Bytes(work, KeeperJson.Default.CacheWork));
            while (connection.Receive() is { } message)
            {
                using (message)
                {
                    switch ((KeeperMessage)message.Kind)
                    {
                        case KeeperMessage.Layer when JsonSerializer.Deserialize(message.Body.Span, KeeperJson.Default.LayerReport) is { } layer:
                            report(layer);
                            break;
                        case KeeperMessage.Worked:
                            return JsonSerializer.Deserialize(message.Body.Span, KeeperJson.Default.CollectResult);
                        case KeeperMessage.Failed:
                            throw new ImageException(Encoding.UTF8.GetString(message.Body.Span));
                    }
                }
            }
        }
        catch (SystemCallException exception) when (exception.Error is Errno.EPIPE or Errno.ECONNRESET)
        {
            throw new KeeperLostException(exception);
        }
        catch (JsonException exception)
        {
            throw new ImageException("the store's keeper is of another version: its answer makes no sense", exception);
        }
        cancellation.ThrowIfCancellationRequested();
        throw new KeeperLostException();
    }

    static RemoteImage Ask(MessageSocket connection, ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var name = request.Reference.ToString();
        var descriptors = new List<FileDescriptor>();
        try
        {
            // Without them other pieces are evicted first, which is not worth a second message.
            int[] maps = request.UseMaps.Count <= MessageSocket.MaxDescriptors ? [.. request.UseMaps.Select(map => map.Value)] : [];
            connection.Send((uint)KeeperMessage.OpenImage, 0, JsonSerializer.SerializeToUtf8Bytes(ImageMessage.Of(request), KeeperJson.Default.ImageMessage), maps);
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
                        return new RemoteImage(connection, DigestOf(answer.Manifest), new ImageFiles(name, [.. answer.Layers.Select(LayerOf)], descriptors));
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

    static LayerIdentity LayerOf(string text) => LayerIdentity.TryParse(text) ?? throw new JsonException($"'{text}' is no layer");

    static Digest DigestOf(string text) => Digest.TryParse(text) ?? throw new JsonException($"'{text}' is not a digest");
}
