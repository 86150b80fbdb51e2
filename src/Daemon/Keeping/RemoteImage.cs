using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>An image that a keeper in another process has opened; the connection that it came over stays, for its pieces.</summary>
sealed class RemoteImage : IKeptImage
{
    readonly MessageSocket _connection;
    readonly PendingRequests _requests;
    readonly Thread _receiver;

    /// <param name="connection">Becomes this object's own.</param>
    /// <param name="manifest">See <see cref="Manifest"/>.</param>
    /// <param name="files">See <see cref="Files"/>.</param>
    public RemoteImage(MessageSocket connection, Digest manifest, ImageFiles files)
    {
        _connection = connection;
        Manifest = manifest;
        Files = files;
        _requests = new PendingRequests(connection);
        _receiver = new Thread(Receive, 256 * 1024) { IsBackground = true, Name = "keeper image" };
        _receiver.Start();
    }

    public Digest Manifest { get; }

    public ImageFiles Files { get; }

    /// <exception cref="KeeperLostException">The keeper has ended.</exception>
    public ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) =>
        _requests.FetchAsync((uint)KeeperMessage.Fetch, new FetchMessage { Layer = (uint)layer, First = first, Count = count }, cancellation);

    /// <exception cref="KeeperLostException">The keeper has ended.</exception>
    public ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation) =>
        _requests.ReadThroughAsync(
            (uint)KeeperMessage.Fetch, new FetchMessage { Layer = (uint)layer, First = first, Count = count, Offset = offset, Length = length }, cancellation);

    /// <exception cref="KeeperLostException">The keeper has ended.</exception>
    public ValueTask<LentData> LendAsync(int layer, CancellationToken cancellation) =>
        _requests.LendAsync((uint)KeeperMessage.Fetch, new FetchMessage { Layer = (uint)layer }, cancellation);

    public async ValueTask<ImageCounts> CountAsync(CancellationToken cancellation)
    {
        var answer = await _requests.AskAsync((uint)KeeperMessage.Count, default, cancellation).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(answer, KeeperJson.Default.ImageCounts) ?? throw new JsonException("null");
        }
        catch (JsonException exception)
        {
            throw new IOException("the store's keeper is of another version: its counts make no sense", exception);
        }
    }

    public ValueTask DisposeAsync()
    {
        _connection.Shutdown();
        _receiver.Join();
        _connection.Dispose();
        Files.Dispose();
        return ValueTask.CompletedTask;
    }

    void Receive()
    {
        try
        {
            while (_connection.Receive() is { } message)
            {
                using (message)
                    _requests.Answer(message);
            }
        }
        catch (IOException)
        {
            // As good as its end.
        }
        _requests.End(new KeeperLostException());
    }
}
