using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Soci;
using VirtioFsStore.Backends.Overlay.Tocs;

namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>Finds a layer's index beside the image, so that the layer need not be streamed before it is used.</summary>
public static class LayerImporter
{
    /// <summary>Makes a layer's folder as <see cref="LayerBuilder.BuildAsync"/> does, but with no content there yet, from an index that somebody
    /// else made.</summary>
    /// <param name="folder">Exists and is empty; it is empty again where nothing came of it.</param>
    /// <param name="layer">From a manifest that was verified, with its annotations.</param>
    /// <param name="source">Has the image.</param>
    /// <param name="policy">What may be used.</param>
    /// <param name="explain">Gets one line where there is an index that cannot be used: the next one is tried, or the layer is to be streamed.</param>
    /// <param name="cancellation">Ends the work; the folder is then to be removed.</param>
    /// <returns>False where the layer is to be streamed.</returns>
    public static async ValueTask<bool> TryImportAsync(
        string folder, ImageLayer layer, IImageSource source, RemoteIndexPolicy policy, Action<string> explain, CancellationToken cancellation)
    {
        if (policy == RemoteIndexPolicy.Never) return false;
        var refused = new List<string>();
        var imported = await TryAsync(TryBlobAsync).ConfigureAwait(false)
            || await TryAsync(() => TableOfContents.TryImportAsync(folder, layer, source, policy == RemoteIndexPolicy.Trust, cancellation)).ConfigureAwait(false)
            || await TryAsync(() => SociIndex.TryImportAsync(folder, layer, source, cancellation)).ConfigureAwait(false);
        if (refused.Count > 0) explain($"{string.Join("; ", refused)}; {(imported ? "another index that the image has of it is used" : "the layer is streamed")} instead");
        return imported;

        async ValueTask<bool> TryBlobAsync()
        {
            if (IndexBlob.Of(layer) is not { } blob) return false;
            await IndexBlob.ImportAsync(folder, layer, blob, source, cancellation).ConfigureAwait(false);
            return true;
        }

        async ValueTask<bool> TryAsync(Func<ValueTask<bool>> import)
        {
            try
            {
                return await import().ConfigureAwait(false);
            }
            catch (Exception e) when (e is ImageException or SourceException)
            {
                refused.Add(e.Message);
                foreach (var file in Directory.EnumerateFiles(folder)) File.Delete(file);
                return false;
            }
        }
    }

    /// <summary>Whether what the store has of a layer may be used for an image. What came from somebody else's index counts only for images
    /// whose manifest says that very index, or where all are trusted; and only for those that say the same of the layer as the image did for which it
    /// was made, for nobody has compared that with the layer itself.</summary>
    public static bool Accepts(LayerDigests stored, ImageLayer layer, RemoteIndexPolicy policy)
    {
        if (stored.RemoteIndex is null) return true;
        if (stored.Size != layer.Blob.Size || stored.DiffId != layer.DiffId) return false;
        if (policy == RemoteIndexPolicy.Trust) return true;
        var index = stored.RemoteIndex.ToString();
        return policy == RemoteIndexPolicy.Pinned
            && (layer.Blob.Annotations.GetValueOrDefault(IndexBlobFormat.DigestAnnotation) == index
                || layer.Blob.Annotations.GetValueOrDefault(TableOfContents.Annotation(layer)) == index
                || layer.SociIndex?.Digest == stored.RemoteIndex);
    }
}
