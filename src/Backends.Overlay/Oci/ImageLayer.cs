using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>One layer of an image.</summary>
/// <param name="Blob">Its compressed form.</param>
/// <param name="Compression">By its media type.</param>
/// <param name="DiffId">The digest of the uncompressed tar stream, from the image's configuration.</param>
public sealed record ImageLayer(Descriptor Blob, Compression Compression, Digest DiffId)
{
    /// <summary>SOCI's index of the image, if its manifest pins one: a manifest beside it.</summary>
    public ImageReference? SociIndex { get; init; }
}
