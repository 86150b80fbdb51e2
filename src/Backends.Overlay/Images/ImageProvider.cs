using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>From a reference to a file system, in one process: resolves the image, has its layers indexed and its tree built, and opens them.</summary>
/// <param name="keeper">Owns the store.</param>
public sealed class ImageProvider(LocalKeeper keeper)
{
    /// <param name="request">The image.</param>
    /// <param name="progress">Called from several threads at once.</param>
    /// <param name="cancellation">Ends the work; nothing half-made is left in use.</param>
    /// <exception cref="Oci.ImageException">The image cannot be found or is not sound, or the store cannot take it.</exception>
    public async Task<OpenedImage> OpenAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var kept = await keeper.OpenAsync(request, progress, cancellation).ConfigureAwait(false);
        try
        {
            return new OpenedImage(kept.Image, kept.Files.ToFileSystem(kept));
        }
        catch
        {
            await kept.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
