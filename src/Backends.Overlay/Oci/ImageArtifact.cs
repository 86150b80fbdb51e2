using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>What has a manifest, but is no image (image-spec, manifest.md "Guidelines for Artifact Usage").</summary>
/// <param name="Type">A media type, as it is written.</param>
/// <param name="Subject">The manifest that it is about, or null.</param>
/// <param name="Blobs">How many it has, its configuration not counted.</param>
/// <param name="Size">Of these, in bytes.</param>
public sealed record ImageArtifact(string Type, Digest? Subject, int Blobs, long Size)
{
    /// <returns>Null for an image, and for what cannot be read.</returns>
    public static async ValueTask<ImageArtifact?> TryReadAsync(IImageSource source, Descriptor manifest, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(manifest);
        if (!MediaTypes.IsManifest(manifest.MediaType)) return null;
        try
        {
            var json = await ImageResolver.ReadAsync(source, manifest, cancellation).ConfigureAwait(false);
            var references = ManifestReferences.Read($"{source.Name}: {manifest.Digest}", manifest, json);
            if (references.ArtifactType is not { } type) return null;
            var blobs = references.Blobs.Skip(1).ToList();
            return new ImageArtifact(type, references.Subject, blobs.Count, blobs.Aggregate(0L, (sum, blob) => unchecked(sum + blob.Size)));
        }
        catch (ImageException)
        {
            return null;
        }
    }
}
