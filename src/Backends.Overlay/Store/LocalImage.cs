using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>An image that the keeper of this process has opened.</summary>
/// <param name="image">What was found.</param>
/// <param name="files">What serving it needs.</param>
/// <param name="source">Where it lies; becomes this object's own.</param>
/// <param name="layers">The caches of its layers, in their order; become this object's own.</param>
sealed class LocalImage(ResolvedImage image, ImageFiles files, IImageSource source, IReadOnlyList<LayerLease> layers) : IKeptImage
{
    public ResolvedImage Image => image;

    public Digest Manifest => image.Manifest.Digest;

    public ImageFiles Files => files;

    public ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) =>
        (uint)layer < (uint)layers.Count ? layers[layer].EnsureAsync(first, count, cancellation) : new(Errno.EINVAL);

    public async ValueTask DisposeAsync()
    {
        files.Dispose();
        foreach (var layer in layers)
            await layer.DisposeAsync().ConfigureAwait(false);
        await source.DisposeAsync().ConfigureAwait(false);
    }
}
