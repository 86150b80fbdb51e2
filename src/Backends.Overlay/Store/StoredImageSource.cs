using System.Security.Cryptography;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>A remote source whose manifests and configurations, and what its references meant, are kept in the store: an image that was opened
/// once is found again without the network.</summary>
/// <param name="source">The source itself; becomes this object's own.</param>
/// <param name="store">Where they are kept.</param>
/// <param name="endpoint">Tells places apart that references do not: two services may have a bucket of one name.</param>
/// <param name="pull">When a tag is asked for anew.</param>
sealed class StoredImageSource(IImageSource source, StoreDirectory store, string endpoint, PullPolicy pull) : IImageSource
{
    public string Name => source.Name;

    public async ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation)
    {
        var key = KeyOf(reference);
        if (pull != PullPolicy.Always || reference.Digest is not null)
        {
            if (store.TryReadReference(key) is { } known)
                return ImageDocuments.ReadIndex($"what the store {store.Root} knows of {reference}", MediaTypes.Index, known);
            if (pull == PullPolicy.Never && reference.Digest is null)
                throw new ImageException($"the store {store.Root} does not know {reference} yet, and --pull=never forbids to ask; --pull=missing asks");
        }

        var found = await source.FindAsync(reference, cancellation).ConfigureAwait(false);
        await store.WriteReferenceAsync(key, DescriptorWriter.WriteIndex(found), cancellation).ConfigureAwait(false);
        return found;
    }

    /// <summary>What a tag led to is found by its digest from now on, too.</summary>
    public ValueTask RememberAsync(ResolvedImage image, CancellationToken cancellation) =>
        store.WriteReferenceAsync(
            KeyOf(image.Reference with { Tag = null, Digest = image.Manifest.Digest }), DescriptorWriter.WriteIndex([image.Manifest with { Platform = null }]), cancellation);

    public ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) => source.ListAsync(cancellation);

    public ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation) =>
        OpenDocumentAsync(manifest, source.OpenManifestAsync, cancellation);

    public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => MediaTypes.IsConfig(blob.MediaType)
        ? OpenDocumentAsync(blob, source.OpenBlobAsync, cancellation)
        : source.OpenBlobAsync(blob, cancellation);

    public ValueTask DisposeAsync() => source.DisposeAsync();

    async ValueTask<IRangeSource> OpenDocumentAsync(
        Descriptor document, Func<Descriptor, CancellationToken, ValueTask<IRangeSource>> open, CancellationToken cancellation)
    {
        var json = store.TryReadDocument(document.Digest);
        if (json is null)
        {
            json = await ImageResolver.ReadVerifiedAsync(document, open, cancellation).ConfigureAwait(false);
            await store.WriteDocumentAsync(document.Digest, json, cancellation).ConfigureAwait(false);
        }

        return new BytesSource($"{document.MediaType} {document.Digest}", json, new SourceIdentity(document.Digest, null));
    }

    string KeyOf(ImageReference reference) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{endpoint}\n{reference}\n")));
}
