using System.Text.Json;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>Index, manifest and configuration out of their JSON, checked.</summary>
static class ImageDocuments
{
    /// <summary>Far more than overlayfs or any runtime stacks.</summary>
    public const int MaxLayers = 1000;

    const int MaxManifests = 10_000;

    /// <param name="name">For messages.</param>
    /// <param name="mediaType">By its descriptor; null for a layout's index.json, which has none.</param>
    /// <param name="json">The document.</param>
    public static List<Descriptor> ReadIndex(string name, string? mediaType, ReadOnlyMemory<byte> json)
    {
        using var document = OciDocument.Parse(name, json);
        var root = document.Root;
        document.CheckSchemaVersion();
        CheckMediaType(document, mediaType ?? MediaTypes.Index, mediaType is null);
        if (document.Member(root, "layers", JsonValueKind.Array) is not null || document.Member(root, "config", JsonValueKind.Object) is not null)
            throw document.Bad("it is an index, but holds 'layers' or 'config' as a manifest does");
        var manifests = document.Member(root, "manifests", JsonValueKind.Array) ?? throw document.Missing("manifests");
        if (manifests.GetArrayLength() > MaxManifests) throw document.Bad($"it lists {manifests.GetArrayLength()} manifests, more than {MaxManifests}");
        return [.. manifests.EnumerateArray().Select((element, i) => document.Descriptor(element, $"manifests[{i}]"))];
    }

    public static (Descriptor Config, List<Descriptor> Layers) ReadManifest(string name, string mediaType, ReadOnlyMemory<byte> json)
    {
        using var document = OciDocument.Parse(name, json);
        var root = document.Root;
        document.CheckSchemaVersion();
        CheckMediaType(document, mediaType, optional: mediaType == MediaTypes.Manifest);
        if (document.Member(root, "manifests", JsonValueKind.Array) is not null)
            throw document.Bad("it is a manifest, but holds 'manifests' as an index does");
        var config = document.Descriptor(document.Member(root, "config", JsonValueKind.Object) ?? throw document.Missing("config"), "config");
        if (!MediaTypes.IsConfig(config.MediaType))
            throw document.Bad($"its configuration is {config.MediaType}: this is an artifact, not a container image");
        var layers = document.Member(root, "layers", JsonValueKind.Array) ?? throw document.Missing("layers");
        if (layers.GetArrayLength() is 0 or > MaxLayers) throw document.Bad($"it has {layers.GetArrayLength()} layers; 1 to {MaxLayers} can be served");
        return (config, [.. layers.EnumerateArray().Select((element, i) => document.Descriptor(element, $"layers[{i}]"))]);
    }

    /// <summary>What a manifest that was read says of itself under a name; null where it says nothing.</summary>
    public static string? ReadAnnotation(string name, ReadOnlyMemory<byte> manifest, string annotation)
    {
        using var document = OciDocument.Parse(name, manifest);
        return document.Member(document.Root, "annotations", JsonValueKind.Object) is { } annotations ? document.Text(annotations, annotation) : null;
    }

    public static ImageConfig ReadConfig(string name, ReadOnlyMemory<byte> json)
    {
        using var document = OciDocument.Parse(name, json);
        var root = document.Root;
        var rootfs = document.Member(root, "rootfs", JsonValueKind.Object) ?? throw document.Missing("rootfs");
        if (document.Text(rootfs, "type") is not "layers") throw document.Bad("rootfs.type is not 'layers'");
        var diffIds = document.Texts(rootfs, "diff_ids").Select((text, i) => document.Digest(text, $"rootfs.diff_ids[{i}]")).ToList();
        var platform = document.ReadPlatform(root);
        var created = document.Text(root, "created");
        if (document.Member(root, "config", JsonValueKind.Object) is not { } config)
            return new ImageConfig(platform, diffIds, created, [], [], [], null, null);
        return new ImageConfig(
            platform, diffIds, created, document.Texts(config, "Entrypoint"), document.Texts(config, "Cmd"), document.Texts(config, "Env"),
            document.Text(config, "WorkingDir"), document.Text(config, "User"));
    }

    /// <summary>What a document says it is must be what its descriptor said, or it could be read as two things.</summary>
    static void CheckMediaType(OciDocument document, string expected, bool optional)
    {
        var actual = document.Text(document.Root, "mediaType");
        if (actual is null && (optional || expected == MediaTypes.Index)) return;
        if (actual != expected)
            throw document.Bad($"its media type is {actual ?? "missing"}, but it was referred to as {expected}");
    }
}
