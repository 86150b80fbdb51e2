using System.Buffers;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>A layer index as a blob beside the image; docs/formats.md describes it.</summary>
public static class IndexBlobFormat
{
    /// <summary>Zstd frames, the first of them skippable.</summary>
    public const string MediaType = "application/vnd.virtiofs-store.layer-index.v1+zstd";

    /// <summary>Of the manifest that keeps an image's index blobs.</summary>
    public const string ArtifactType = "application/vnd.virtiofs-store.layer-indexes.v1";

    /// <summary>On a layer's descriptor: the digest of its index blob.</summary>
    public const string DigestAnnotation = "io.virtiofs-store.layer-index.digest";

    /// <summary>On a layer's descriptor: the size of its index blob in bytes.</summary>
    public const string SizeAnnotation = "io.virtiofs-store.layer-index.size";

    /// <summary>On an index blob's descriptor: the digest of the layer.</summary>
    public const string LayerAnnotation = "io.virtiofs-store.layer-index.layer";

    static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdef");

    const string ArtifactTagSuffix = ".layer-index";

    /// <summary>Of a digest in a tag, which takes 128 characters in all; the referrers of distribution-spec are called so, too.</summary>
    const int TagHexLength = 64;

    /// <summary>The tag of the manifest that keeps the index blobs of a derived manifest.</summary>
    public static string ArtifactTag(Digest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return $"{manifest.Algorithm}-{manifest.Hex[..Math.Min(TagHexLength, manifest.Hex.Length)]}{ArtifactTagSuffix}";
    }

    /// <summary>Whether a tag is the name of such a manifest, whosever it is.</summary>
    public static bool IsArtifactTag(string tag)
    {
        ArgumentNullException.ThrowIfNull(tag);
        var hex = tag.AsSpan(Math.Min(tag.IndexOf('-', StringComparison.Ordinal) + 1, tag.Length));
        return tag.EndsWith(ArtifactTagSuffix, StringComparison.Ordinal)
            && hex.Length == TagHexLength + ArtifactTagSuffix.Length
            && !hex[..TagHexLength].ContainsAnyExcept(s_hex);
    }

    internal const uint Version = 1;

    /// <summary>Of a skippable frame (RFC 8878, 3.1.2), whatever its last half byte.</summary>
    internal const uint SkippableMagic = 0x184d2a50;

    internal const uint SkippableMask = 0xfffffff0;

    /// <summary>"VfsLayer".</summary>
    internal const ulong Magic = 0x726579614c736656;

    /// <summary>Of the header's frame, its own eight bytes included.</summary>
    internal const int MaxHeaderSize = 1024;

    /// <summary>A section's decoder keeps a MiB.</summary>
    internal const int MaxWindowLog = 20;

    /// <summary>Entries are kept by columns in groups of at most this many.</summary>
    internal const int MaxGroupEntries = 4096;

    /// <summary>A group is ended where it has this many bytes.</summary>
    internal const int GroupSize = 512 << 10;

    /// <summary>Beyond that there is one entry more, with all its attributes (1 MiB) and extents (2^18, each two numbers).</summary>
    internal const int MaxGroupSize = 16 << 20;

    /// <summary>All spans are in memory while an index is read: 40 bytes each. With a MiB each they cover a TiB.</summary>
    internal const int MaxSpans = 1 << 20;
}
