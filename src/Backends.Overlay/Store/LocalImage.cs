using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>An image that the keeper of this process has opened.</summary>
sealed class LocalImage(ResolvedImage image, ImageFiles files, IImageSource source) : IKeptImage
{
    public ResolvedImage Image => image;

    public Digest Manifest => image.Manifest.Digest;

    public ImageFiles Files => files;

    public ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) => new(Errno.EIO);

    public async ValueTask DisposeAsync()
    {
        files.Dispose();
        await source.DisposeAsync().ConfigureAwait(false);
    }
}
