using System.Text;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>What some layers bring in themselves: a table of their files and of where each can be decompressed from.</summary>
static class TableOfContents
{
    /// <summary>The annotation that would pin the table of such a layer.</summary>
    public static string Annotation(ImageLayer layer) => layer.Compression == Compression.Zstd ? ZstdChunked.DigestAnnotation : EStargz.DigestAnnotation;

    /// <param name="folder">Of the layer; may hold something after a failure.</param>
    /// <param name="layer">With its annotations.</param>
    /// <param name="source">Has the image.</param>
    /// <param name="trust">Whether a table will do that no manifest pins: one of eStargz, which can be found without.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>False where the layer has no table.</returns>
    /// <exception cref="ImageException">It has one that cannot be used.</exception>
    /// <exception cref="SourceException">It cannot be read.</exception>
    public static async ValueTask<bool> TryImportAsync(string folder, ImageLayer layer, IImageSource source, bool trust, CancellationToken cancellation)
    {
        var text = layer.Blob.Annotations.GetValueOrDefault(Annotation(layer));
        if (layer.Compression == Compression.None || (text is null && (!trust || layer.Compression != Compression.Gzip))) return false;
        try
        {
            Digest? pinned = null;
            if (text is not null)
                pinned = Digest.TryParse(text) ?? throw new LayerImportException($"its digest {TarField.Display(Encoding.UTF8.GetBytes(text))} is none");
            var blob = await source.OpenBlobAsync(layer.Blob, cancellation).ConfigureAwait(false);
            await using var ends = blob.ConfigureAwait(false);
            if (blob.Size != layer.Blob.Size) throw new LayerImportException($"{blob.Name} has {blob.Size} bytes, but the manifest says {layer.Blob.Size}");
            if (layer.Compression == Compression.Gzip) return await EStargz.ImportAsync(folder, layer, pinned, blob, cancellation).ConfigureAwait(false) is not null;
            await ZstdChunked.ImportAsync(folder, layer, pinned!, blob, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is LayerImportException or TarException)
        {
            throw new ImageException($"the table of contents of layer {layer.Blob.Digest} cannot be used: {e.Message}", e);
        }
    }
}
