using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>Where images come from: an OCI layout, a registry, a bucket.</summary>
public interface IImageSource
{
    /// <summary>For messages.</summary>
    string Name { get; }

    /// <summary>The manifests and indexes that a reference may mean; the platform decides among several.</summary>
    /// <exception cref="ImageException">There is none, or the source is not sound.</exception>
    ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation);

    /// <summary>All that the source has: manifests and indexes, with their tags where they have one.</summary>
    /// <exception cref="ImageException">The source is not sound.</exception>
    ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation);

    /// <exception cref="SourceException">There is no such blob, or it cannot be reached.</exception>
    ValueTask<IRangeSource> OpenBlobAsync(Digest digest, CancellationToken cancellation);
}
