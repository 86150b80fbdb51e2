using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>A reference to a blob (image-spec, descriptor.md), checked where it was parsed.</summary>
/// <param name="MediaType">As it is written.</param>
/// <param name="Digest">Of the blob.</param>
/// <param name="Size">Of the blob in bytes, not negative.</param>
/// <param name="Platform">In an index only, and not always there.</param>
/// <param name="Annotations">Never null.</param>
public sealed record Descriptor(
    string MediaType, Digest Digest, long Size, Platform? Platform, IReadOnlyDictionary<string, string> Annotations)
{
    public const string RefNameAnnotation = "org.opencontainers.image.ref.name";

    public string? RefName => Annotations.GetValueOrDefault(RefNameAnnotation);
}
