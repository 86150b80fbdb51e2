using System.Text.Json;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Api;

/// <summary>
/// The <c>config</c> of a mount: a JSON object, or nothing. Its keys are few, and another one is refused, since whoever set it wanted
/// something by it; but what a RAFS configuration says of where its blobs lie and how they are read has no meaning here and is passed over.
/// </summary>
static class MountConfiguration
{
    /// <summary>Keys of nydusd's configuration, versions 1 and 2; not "overlay", which would make an image writable.</summary>
    static readonly string[] s_passedOver =
    [
        "device", "mode", "digest_validate", "iostats_files", "fs_prefetch", "enable_xattr", "access_pattern", "latest_read_files", "amplify_io",
        "version", "id", "backend", "external_backends", "cache", "rafs", "internal",
    ];

    /// <param name="kind">What is mounted.</param>
    /// <param name="text">As it came.</param>
    /// <param name="defaults">What holds where it says nothing.</param>
    /// <exception cref="MountException">It is no such object, or has a key or a value that means nothing.</exception>
    public static SourceSettings Read(SourceKind kind, string text, SourceSettings defaults)
    {
        if (string.IsNullOrWhiteSpace(text))
            return defaults;
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw Wrong("it is not an object");
            var settings = defaults;
            foreach (var property in document.RootElement.EnumerateObject())
                settings = Apply(kind, property, settings);
            return settings;
        }
        catch (JsonException exception)
        {
            throw Wrong(exception.Message);
        }
    }

    static SourceSettings Apply(SourceKind kind, JsonProperty property, SourceSettings settings) => (kind, property.Name) switch
    {
        (SourceKind.Local, "cache") when property.Value.ValueKind == JsonValueKind.String => settings with { Cache = OneOf(property, "never", "metadata", "auto", "always") },
        (SourceKind.Local, "readonly") => settings with { ReadOnly = Boolean(property) },
        (SourceKind.Local, "xattr") => settings with { Xattr = Boolean(property) },
        (SourceKind.Image, "store") => settings with { Store = Text(property) },
        (SourceKind.Image, "platform") => settings with { Platform = ReadPlatform(property) },
        (SourceKind.Image, "readonly") => Boolean(property) ? settings : throw Wrong("an image is read-only; \"readonly\" cannot be false"),
        (_, var name) when s_passedOver.Contains(name, StringComparer.Ordinal) => settings,
        (SourceKind.Local, var name) => throw Wrong($"a directory has no \"{name}\"; it has \"cache\", \"readonly\" and \"xattr\""),
        (_, var name) => throw Wrong($"an image has no \"{name}\"; it has \"store\" and \"platform\""),
    };

    static Platform ReadPlatform(JsonProperty property)
    {
        try
        {
            return Platform.Parse(Text(property));
        }
        catch (ImageException exception)
        {
            throw Wrong(exception.Message);
        }
    }

    static string Text(JsonProperty property) =>
        property.Value.ValueKind == JsonValueKind.String && property.Value.GetString() is { Length: > 0 } text ? text : throw Wrong($"\"{property.Name}\" takes a text");

    static bool Boolean(JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong($"\"{property.Name}\" takes true or false"),
    };

    static string OneOf(JsonProperty property, params string[] words) =>
        words.FirstOrDefault(word => word == property.Value.GetString()) ?? throw Wrong($"\"{property.Name}\" takes one of {string.Join(", ", words)}");

    static MountException Wrong(string why) => new(MountFailure.Invalid, $"The mount's \"config\" cannot be used: {why}.");
}
