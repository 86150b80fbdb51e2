using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Store;

public sealed class LayerCachesTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-caches").FullName;
    readonly LayoutWriter _layout = new();

    public void Dispose()
    {
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cache_that_was_opened_for_nobody_is_closed_again(bool hasOthers)
    {
        var (store, layer) = await MakeAsync();
        PieceStore? last = null;
        var isShort = false;
        await using var caches = new LayerCaches(
            store,
            NullLogger.Instance,
            (pieces, known) =>
            {
                last = pieces;
                return isShort ? throw new SystemCallException(Errno.EMFILE, "memfd_create", "a use map") : pieces.AddUseMap(known);
            });
        await using var other = hasOthers ? await caches.AcquireAsync(layer, null) : null;
        isShort = true;

        await Assert.ThrowsAsync<SystemCallException>(() => caches.AcquireAsync(layer, null).AsTask());

        var opened = last;
        isShort = false;
        await using var next = await caches.AcquireAsync(layer, null);
        Assert.Equal(hasOthers, next.Cache.Store == opened);
    }

    async Task<(StoreDirectory Store, Digest Layer)> MakeAsync()
    {
        _layout.Image("v1", new TarWriter().File("a", "b").ToArray());
        var store = StoreDirectory.Open(_folder);
        await using var keeper = new LocalKeeper(store);
        await using var image = await keeper.OpenAsync(new ImageRequest(ImageReference.Parse($"oci:{_layout.Path}:v1"), Platform.Current), null, default);
        image.Files.Dispose();
        return (store, image.Image.Layers[0].Blob.Digest);
    }
}
