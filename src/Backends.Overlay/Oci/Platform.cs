using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>Which of an index's images is meant, in Go's words (image-spec, image-index.md "platform").</summary>
/// <param name="Os">Such as <c>linux</c>.</param>
/// <param name="Architecture">Such as <c>amd64</c> or <c>arm64</c>.</param>
/// <param name="Variant">Such as <c>v7</c>; null takes any.</param>
public sealed record Platform(string Os, string Architecture, string? Variant)
{
    /// <summary>What this machine's guests run.</summary>
    public static Platform Current { get; } = new("linux", RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    }, null);

    /// <summary>Parses <c>OS/ARCHITECTURE[/VARIANT]</c>.</summary>
    /// <exception cref="ImageException">It is not of that form.</exception>
    public static Platform Parse(string text)
    {
        var parts = text.Split('/');
        if (parts.Length is not (2 or 3) || parts.Any(part => part.Length == 0))
            throw new ImageException($"'{text}' is not a platform: expected OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64");
        return new Platform(parts[0], parts[1], parts.Length == 3 ? parts[2] : null);
    }

    /// <summary>Whether an image that says <paramref name="offered"/> of itself will do.</summary>
    public bool Accepts(Platform offered) =>
        offered.Os == Os && offered.Architecture == Architecture && (Variant is null || offered.Variant == Variant);

    public override string ToString() => Variant is null ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";
}
