using System.Diagnostics;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>From a reference to a file system, in one process: resolves the image, has its layers indexed and its tree built, and opens them.</summary>
/// <param name="keeper">Owns the store.</param>
/// <param name="pieces">Whom to ask for pieces that are absent; without one they read as EIO.</param>
public sealed class ImageProvider(LocalKeeper keeper, IPieceSource? pieces = null)
{
    /// <param name="reference">The image.</param>
    /// <param name="platform">Which of an index's images.</param>
    /// <param name="progress">Called from several threads at once.</param>
    /// <param name="cancellation">Ends the work; nothing half-made is left in use.</param>
    /// <exception cref="ImageException">The image cannot be found or is not sound, or the store cannot take it.</exception>
    public async Task<OpenedImage> OpenAsync(
        ImageReference reference, Platform platform, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var image = await keeper.ResolveAsync(reference, platform, cancellation).ConfigureAwait(false);
        var timer = new LayerTimer(progress);
        await keeper.EnsureLayersAsync(image, timer, cancellation).ConfigureAwait(false);
        var begin = Stopwatch.GetTimestamp();
        var files = await keeper.OpenFilesAsync(image, cancellation).ConfigureAwait(false);
        return new OpenedImage(image, files.ToFileSystem(pieces), timer.Summarize(image), Stopwatch.GetElapsedTime(begin));
    }
}
