using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>The server's side of an image whose pieces its parent has fetched.</summary>
/// <param name="socket">To the parent; not owned.</param>
/// <param name="requests">What is waited for over it.</param>
/// <param name="image">The parent's number for the image.</param>
/// <param name="ends">The whole process is about to end, which the parent sees.</param>
sealed class LinkedImage(MessageSocket socket, PendingRequests requests, uint image, CancellationToken ends) : IPieceSource, IAsyncDisposable
{
    public ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) =>
        requests.FetchAsync((uint)ServerMessage.Fetch, new FetchMessage { Image = image, Layer = (uint)layer, First = first, Count = count }, cancellation);

    public ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation) =>
        requests.ReadThroughAsync(
            (uint)ServerMessage.Fetch, new FetchMessage { Image = image, Layer = (uint)layer, First = first, Count = count, Offset = offset, Length = length }, cancellation);

    public ValueTask<LentData> LendAsync(int layer, CancellationToken cancellation) =>
        requests.LendAsync((uint)ServerMessage.Fetch, new FetchMessage { Image = image, Layer = (uint)layer }, cancellation);

    /// <summary>Nothing of it is open any more: the parent may let go of it.</summary>
    public ValueTask DisposeAsync()
    {
        if (!ends.IsCancellationRequested)
            socket.SendIfPossible((uint)ServerMessage.ReleaseImage, image, default);
        return ValueTask.CompletedTask;
    }
}
