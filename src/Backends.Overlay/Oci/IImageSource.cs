using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>Where images come from: an OCI layout, a registry, a bucket. Safe for concurrent use.</summary>
public interface IImageSource : IAsyncDisposable
{
    /// <summary>For messages.</summary>
    string Name { get; }

    /// <summary>The manifests and indexes that a reference may mean; the platform decides among several.</summary>
    /// <exception cref="ImageException">There is none, or the source is not sound.</exception>
    /// <exception cref="SourceException">The source cannot be reached.</exception>
    ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation);

    /// <summary>All that the source has: manifests and indexes, with their tags where they have one.</summary>
    /// <exception cref="ImageException">The source is not sound.</exception>
    /// <exception cref="SourceException">The source cannot be reached.</exception>
    ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation);

    /// <summary>Opens a manifest or an index: registries keep these apart from blobs. Nothing is verified yet.</summary>
    /// <exception cref="SourceException">There is none, or it cannot be reached.</exception>
    ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation);

    /// <summary>Opens a blob, without a request where the source is remote: what its size is the descriptor says. Nothing is verified yet.</summary>
    /// <exception cref="SourceException">There is no such blob, or it cannot be reached.</exception>
    ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation);
}
