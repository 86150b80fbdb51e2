using System.Text.Json;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>Descriptors as JSON (image-spec, descriptor.md), read again by <see cref="OciDocument.Descriptor"/>.</summary>
static class DescriptorWriter
{
    /// <summary>An index (image-spec, image-index.md) of these manifests.</summary>
    public static byte[] WriteIndex(IEnumerable<Descriptor> manifests)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteString("mediaType", MediaTypes.Index);
            json.WriteStartArray("manifests");
            foreach (var manifest in manifests)
                Write(json, manifest);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    public static void Write(Utf8JsonWriter json, Descriptor descriptor)
    {
        json.WriteStartObject();
        json.WriteString("mediaType", descriptor.MediaType);
        json.WriteString("digest", descriptor.Digest.ToString());
        json.WriteNumber("size", descriptor.Size);
        if (descriptor.Platform is { } platform)
        {
            json.WriteStartObject("platform");
            json.WriteString("os", platform.Os);
            json.WriteString("architecture", platform.Architecture);
            if (platform.Variant is not null) json.WriteString("variant", platform.Variant);
            json.WriteEndObject();
        }

        if (descriptor.Annotations.Count > 0)
        {
            json.WriteStartObject("annotations");
            foreach (var (name, value) in descriptor.Annotations)
                json.WriteString(name, value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
