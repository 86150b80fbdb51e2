using System.Text.RegularExpressions;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>What images may be called, and which names are none of an image.</summary>
public static partial class ImageTag
{
    /// <summary>Enough to choose from, and a line that can be read.</summary>
    const int MaxListed = 20;

    /// <summary>What a tag can be in any place, for messages.</summary>
    public const string Form = "letters, digits, '_', '.' and '-' can be in one, the last two not at its beginning, up to 128";

    /// <summary>Whether it can be a tag in any place (distribution-spec, "Pulling manifests").</summary>
    public static bool IsTag(string tag) => RegistryName.IsTag(tag);

    /// <summary>Whether an OCI layout can have it for a name: a tag, or what image-spec, annotations.md says of org.opencontainers.image.ref.name.</summary>
    public static bool IsLayoutName(string name) => IsTag(name) || LayoutName().IsMatch(name);

    /// <summary>Whether the name may be an image's. One that is made of a digest is that of something about the manifest with it: layer indexes, referrers
    /// (distribution-spec, "Referrers Tag Schema"), signatures.</summary>
    public static bool NamesImage(string name) => !OfManifest().IsMatch(name);

    /// <summary>Names in a line, the first of many.</summary>
    public static string List(IReadOnlyCollection<string> names) =>
        string.Join(", ", names.Take(MaxListed)) + (names.Count > MaxListed ? $", … ({names.Count} in all)" : "");

    [GeneratedRegex(@"^[a-z0-9]+-[0-9a-f]{64}(\..*)?\z", RegexOptions.NonBacktracking | RegexOptions.Singleline)]
    private static partial Regex OfManifest();

    [GeneratedRegex(@"^[A-Za-z0-9]+(([-._:@+]|--)[A-Za-z0-9]+)*(/[A-Za-z0-9]+(([-._:@+]|--)[A-Za-z0-9]+)*)*\z", RegexOptions.NonBacktracking)]
    private static partial Regex LayoutName();
}
