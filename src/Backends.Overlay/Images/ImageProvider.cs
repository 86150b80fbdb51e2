using System.Diagnostics;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>From a reference to a file system: resolves the image, has its layers indexed and its tree built, and opens them.</summary>
/// <param name="keeper">Owns the store; all files come from it as descriptors.</param>
/// <param name="pieces">Whom to ask for pieces that are absent; without one they read as EIO.</param>
public sealed class ImageProvider(IKeeper keeper, IPieceSource? pieces = null)
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
        var fileSystem = await OpenFilesAsync(image, cancellation).ConfigureAwait(false);
        return new OpenedImage(image, fileSystem, timer.Summarize(image), Stopwatch.GetElapsedTime(begin));
    }

    async Task<ImageFileSystem> OpenFilesAsync(ResolvedImage image, CancellationToken cancellation)
    {
        ImageTree tree;
        using (var file = await keeper.OpenTreeAsync(image, cancellation).ConfigureAwait(false))
        {
            var key = new TreeKey([.. image.Layers.Select(layer => layer.Blob.Digest)]);
            // The keeper has verified it; what is damaged afterwards is caught where it is used.
            tree = ImageTree.Open(file.Value, $"of {image.Reference}", key, verify: false);
        }

        var contents = new List<LayerContent>();
        try
        {
            foreach (var layer in tree.Layers)
                contents.Add(await OpenContentAsync(layer, cancellation).ConfigureAwait(false));
            return new ImageFileSystem(tree, [.. contents]);
        }
        catch
        {
            contents.ForEach(content => content.Dispose());
            tree.Dispose();
            throw;
        }
    }

    async Task<LayerContent> OpenContentAsync(TreeLayer layer, CancellationToken cancellation)
    {
        var data = await keeper.OpenAsync(layer.Digest, LayerFile.Data, cancellation).ConfigureAwait(false);
        FileDescriptor? state = null;
        try
        {
            state = await keeper.OpenAsync(layer.Digest, LayerFile.State, cancellation).ConfigureAwait(false);
            return StoredContent.Open(layer, data, state.Value, pieces);
        }
        catch
        {
            data.Dispose();
            throw;
        }
        finally
        {
            state?.Dispose();
        }
    }
}
