using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An image as a person names it: <c>oci:PATH[:TAG|@DIGEST]</c>.</summary>
/// <param name="Path">The OCI layout directory.</param>
/// <param name="Tag">Or null.</param>
/// <param name="Digest">Of a manifest or an index in the layout, or null.</param>
public sealed record ImageReference(string Path, string? Tag, Digest? Digest)
{
    public const string Scheme = "oci:";

    public static bool IsImage(string source) => source.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>The tag is what follows the last colon, unless that holds a slash; a digest is what follows <c>@sha256:</c>
    /// or <c>@sha512:</c>.</summary>
    /// <exception cref="ImageException">It is not of that form.</exception>
    public static ImageReference Parse(string source)
    {
        if (!IsImage(source)) throw Malformed(source, $"it does not begin with {Scheme}");
        var rest = source[Scheme.Length..];
        var at = Math.Max(rest.LastIndexOf("@sha256:", StringComparison.Ordinal), rest.LastIndexOf("@sha512:", StringComparison.Ordinal));
        if (at >= 0)
        {
            var digest = ObjectStore.Sources.Digest.TryParse(rest[(at + 1)..])
                ?? throw Malformed(source, "what follows the @ is not a digest of lower-case hexadecimal digits in full length");
            return Checked(source, new ImageReference(rest[..at], null, digest));
        }

        var colon = rest.LastIndexOf(':');
        if (colon < 0 || rest.IndexOf('/', colon) >= 0) return Checked(source, new ImageReference(rest, null, null));
        if (colon == rest.Length - 1) throw Malformed(source, "the tag after the last colon is empty");
        return Checked(source, new ImageReference(rest[..colon], rest[(colon + 1)..], null));
    }

    public override string ToString() =>
        Scheme + Path + (Digest is not null ? "@" + Digest : Tag is not null ? ":" + Tag : "");

    static ImageReference Checked(string source, ImageReference reference) =>
        reference.Path.Length == 0 || reference.Path.Contains('\0', StringComparison.Ordinal)
            ? throw Malformed(source, "there is no path")
            : reference;

    static ImageException Malformed(string source, string why) =>
        new($"'{source}' is not an image: {why}; expected oci:PATH, oci:PATH:TAG or oci:PATH@sha256:DIGEST");
}
