using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An image as a person names it: <c>oci:PATH</c>, <c>docker://HOST/REPO</c> or <c>s3://BUCKET/PREFIX</c>, each with
/// <c>:TAG</c>, <c>@DIGEST</c> or neither.</summary>
/// <param name="Scheme">What kind of place.</param>
/// <param name="Path">The directory; HOST/REPO; BUCKET/PREFIX, or BUCKET alone.</param>
/// <param name="Tag">Or null.</param>
/// <param name="Digest">Of a manifest or an index, or null.</param>
public sealed record ImageReference(ImageScheme Scheme, string Path, string? Tag, Digest? Digest)
{
    static readonly (string Prefix, ImageScheme Scheme)[] s_schemes =
        [("oci:", ImageScheme.Layout), ("docker://", ImageScheme.Registry), ("s3://", ImageScheme.Bucket)];

    /// <summary>For help texts and errors.</summary>
    public const string Forms = "oci:PATH[:TAG|@DIGEST], docker://HOST/REPO[:TAG|@DIGEST] or s3://BUCKET/PREFIX[:TAG|@DIGEST]";

    /// <summary>A digest of what is meant, of a tag of this host's own directory, may be asked at no cost.</summary>
    public bool IsRemote => Scheme != ImageScheme.Layout;

    public static bool IsImage(string source) => s_schemes.Any(scheme => source.StartsWith(scheme.Prefix, StringComparison.Ordinal));

    /// <summary>The tag is what follows the last colon, unless that holds a slash; a digest is what follows <c>@sha256:</c>
    /// or <c>@sha512:</c>.</summary>
    /// <exception cref="ImageException">It is not of that form.</exception>
    public static ImageReference Parse(string source)
    {
        if (!IsImage(source)) throw Malformed(source, "it begins with none of oci:, docker:// and s3://");
        var (prefix, scheme) = s_schemes.First(scheme => source.StartsWith(scheme.Prefix, StringComparison.Ordinal));
        var rest = source[prefix.Length..];
        var at = Math.Max(rest.LastIndexOf("@sha256:", StringComparison.Ordinal), rest.LastIndexOf("@sha512:", StringComparison.Ordinal));
        if (at >= 0)
        {
            var digest = ObjectStore.Sources.Digest.TryParse(rest[(at + 1)..])
                ?? throw Malformed(source, "what follows the @ is not a digest of lower-case hexadecimal digits in full length");
            return Checked(source, new ImageReference(scheme, scheme == ImageScheme.Registry ? WithoutTag(source, rest[..at]) : rest[..at], null, digest));
        }

        var colon = rest.LastIndexOf(':');
        if (colon < 0 || rest.IndexOf('/', colon) >= 0) return Checked(source, new ImageReference(scheme, rest, null, null));
        if (colon == rest.Length - 1) throw Malformed(source, "the tag after the last colon is empty");
        return Checked(source, new ImageReference(scheme, rest[..colon], rest[(colon + 1)..], null));
    }

    public override string ToString() =>
        s_schemes[(int)Scheme].Prefix + Path + (Digest is not null ? "@" + Digest : Tag is not null ? ":" + Tag : "");

    static ImageReference Checked(string source, ImageReference reference)
    {
        var path = reference.Path;
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal)) throw Malformed(source, "there is no path");
        if (reference.Scheme == ImageScheme.Layout) return reference;
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (slash == 0 || path.EndsWith('/')) throw Malformed(source, "a part of it is empty");
        if (reference.Scheme == ImageScheme.Registry && slash < 0) throw Malformed(source, "there is no repository after the host");
        return reference;
    }

    /// <summary>As Kubernetes writes it, HOST/REPO:TAG@DIGEST: the digest says what is meant, and the tag nothing more.</summary>
    static string WithoutTag(string source, string path)
    {
        var colon = path.LastIndexOf(':');
        if (colon <= path.LastIndexOf('/')) return path;
        return ImageTag.IsTag(path[(colon + 1)..]) ? path[..colon] : throw Malformed(source, "what stands between the last colon and the @ is no tag");
    }

    static ImageException Malformed(string source, string why) => new($"'{source}' is not an image: {why}; expected {Forms}");
}
