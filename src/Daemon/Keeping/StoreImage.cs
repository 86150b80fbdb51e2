using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>An image whose pieces come from whoever is the store's keeper: when one ends, the next one is asked to open it again, by its digest.</summary>
sealed class StoreImage : IKeptImage
{
    /// <summary>Keepers that may end over one fetch.</summary>
    const int MaxLost = 3;

    readonly StoreKeeper _keeper;
    readonly ImageRequest _request;
    readonly ILogger _logger;
    readonly SemaphoreSlim _opening = new(1);
    readonly CancellationTokenSource _stop = new();
    readonly (ulong Device, ulong Inode)[] _content;
    volatile IKeptImage _image;

    /// <param name="keeper">Finds the keeper.</param>
    /// <param name="request">What was asked for.</param>
    /// <param name="image">What came; becomes this object's own.</param>
    /// <param name="logger">For what goes wrong later.</param>
    /// <exception cref="SystemCallException">There are no more descriptors.</exception>
    public StoreImage(StoreKeeper keeper, ImageRequest request, IKeptImage image, ILogger logger)
    {
        _keeper = keeper;
        _request = request with { Reference = request.Reference with { Tag = null, Digest = image.Manifest }, UseMaps = image.Files.DuplicateUseMaps() };
        _image = image;
        _logger = logger;
        Manifest = image.Manifest;
        Files = image.Files;
        _content = image.Files.IdentifyContent();
    }

    public Digest Manifest { get; }

    public ImageFiles Files { get; }

    public async ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) =>
        await AskAsync(image => image.FetchAsync(layer, first, count, cancellation), cancellation).ConfigureAwait(false) ?? Errno.EIO;

    public async ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation) =>
        await AskAsync(image => image.ReadThroughAsync(layer, first, count, offset, length, cancellation), cancellation).ConfigureAwait(false)
        ?? new ReadThrough(Errno.EIO, null);

    public async ValueTask<LentData> LendAsync(int layer, CancellationToken cancellation) =>
        await AskAsync(image => image.LendAsync(layer, cancellation), cancellation).ConfigureAwait(false) ?? new LentData(Errno.EIO, null);

    /// <exception cref="IOException">There is no keeper that could tell.</exception>
    public async ValueTask<ImageCounts> CountAsync(CancellationToken cancellation)
    {
        ImageCounts? counts = null;
        _ = await AskAsync(
            async image =>
            {
                counts = await image.CountAsync(cancellation).ConfigureAwait(false);
                return true;
            },
            cancellation).ConfigureAwait(false);
        return counts ?? throw new IOException("the store has no keeper that could tell");
    }

    /// <summary>Asks the keeper; the next one, when it ends over that. Null where none can answer.</summary>
    async ValueTask<T?> AskAsync<T>(Func<IKeptImage, ValueTask<T>> ask, CancellationToken cancellation)
        where T : struct
    {
        for (var lost = 1; lost <= MaxLost; lost++)
        {
            var image = _image;
            try
            {
                return await ask(image).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is KeeperLostException or ObjectDisposedException)
            {
                if (!await TryReopenAsync(image, cancellation).ConfigureAwait(false))
                    break;
            }
        }
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _opening.WaitAsync().ConfigureAwait(false);
        await _image.DisposeAsync().ConfigureAwait(false);
        foreach (var map in _request.UseMaps)
            map.Dispose();
    }

    async ValueTask<bool> TryReopenAsync(IKeptImage lost, CancellationToken cancellation)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stop.Token);
        await _opening.WaitAsync(ends.Token).ConfigureAwait(false);
        try
        {
            if (_image != lost)
                return true;
            var image = await _keeper.OpenAgainAsync(_request, ends.Token).ConfigureAwait(false);
            var isSame = image.Files.IdentifyContent().AsSpan().SequenceEqual(_content);
            // The server has its own.
            image.Files.Dispose();
            if (!isSame)
            {
                await image.DisposeAsync().ConfigureAwait(false);
                throw new ImageException("a layer of it was indexed anew meanwhile, for another image; what its guest has not read yet can be had when it is mounted again");
            }

            _image = image;
            await lost.DisposeAsync().ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is ImageException or IOException)
        {
            Log.ImageLost(_logger, _request.Reference.ToString(), exception.Message);
            return false;
        }
        finally
        {
            _opening.Release();
        }
    }
}
