using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>The manifest that keeps the index blobs of a derived manifest where they are: registries remove what no manifest refers to, and an
/// annotation is no reference to them.</summary>
static class IndexArtifact
{
    /// <param name="target">Has the index blobs.</param>
    /// <param name="manifest">The derived manifest; it need not be there yet.</param>
    /// <param name="indexes">Each once.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">It cannot be written.</exception>
    public static async ValueTask<Descriptor> PushAsync(IImageTarget target, Descriptor manifest, IEnumerable<Descriptor> indexes, CancellationToken cancellation)
    {
        var subject = manifest with { Annotations = new Dictionary<string, string>() };
        var json = DerivedManifest.CreateArtifact(subject, indexes);
        var artifact = new Descriptor(MediaTypes.Manifest, Digest.Sha256(json), json.Length, null, new Dictionary<string, string>());
        await PushConfigAsync(target, cancellation).ConfigureAwait(false);
        await target.PushManifestAsync(artifact, json, IndexBlobFormat.ArtifactTag(manifest.Digest), cancellation).ConfigureAwait(false);
        return artifact;
    }

    static async ValueTask PushConfigAsync(IImageTarget target, CancellationToken cancellation)
    {
        var config = DerivedManifest.EmptyConfigDescriptor;
        if (await target.HasBlobAsync(config, cancellation).ConfigureAwait(false)) return;
        var bytes = new BytesSource("the empty configuration", DerivedManifest.EmptyConfig, new SourceIdentity(config.Digest, null));
        await using (bytes.ConfigureAwait(false))
            await target.PushBlobAsync(config, bytes, null, cancellation).ConfigureAwait(false);
    }
}
