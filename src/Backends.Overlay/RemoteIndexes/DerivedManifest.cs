using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>The two documents that <c>image index --push</c> writes: the image's own manifest with an annotation more on each layer, and one that
/// refers to the index blobs, since registries remove what no manifest refers to.</summary>
static class DerivedManifest
{
    const string EmptyType = "application/vnd.oci.empty.v1+json";

    static readonly JsonWriterOptions s_format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The configuration of what is no image (image-spec, manifest.md "Guidance for an Empty Descriptor").</summary>
    public static ReadOnlyMemory<byte> EmptyConfig { get; } = "{}"u8.ToArray();

    public static Descriptor EmptyConfigDescriptor { get; } = new(EmptyType, Digest.Sha256("{}"u8), 2, null, new Dictionary<string, string>());

    /// <param name="manifest">Of the image, verified and read before.</param>
    /// <param name="indexes">One for each layer, in order.</param>
    public static byte[] Create(ReadOnlyMemory<byte> manifest, IReadOnlyList<Descriptor> indexes)
    {
        using var document = JsonDocument.Parse(manifest);
        return Write(json =>
        {
            json.WriteStartObject();
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.NameEquals("layers"u8)) WriteLayers(json, member.Value, indexes);
                else member.WriteTo(json);
            }

            json.WriteEndObject();
        });
    }

    /// <param name="subject">The derived manifest.</param>
    /// <param name="indexes">The index blobs, each once.</param>
    public static byte[] CreateArtifact(Descriptor subject, IEnumerable<Descriptor> indexes) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("schemaVersion"u8, 2);
        json.WriteString("mediaType"u8, MediaTypes.Manifest);
        json.WriteString("artifactType"u8, IndexBlobFormat.ArtifactType);
        json.WritePropertyName("config"u8);
        WriteDescriptor(json, EmptyConfigDescriptor);
        json.WriteStartArray("layers"u8);
        foreach (var index in indexes) WriteDescriptor(json, index);
        json.WriteEndArray();
        json.WritePropertyName("subject"u8);
        WriteDescriptor(json, subject);
        json.WriteEndObject();
    });

    static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, s_format)) write(json);
        return buffer.WrittenSpan.ToArray();
    }

    static void WriteLayers(Utf8JsonWriter json, JsonElement layers, IReadOnlyList<Descriptor> indexes)
    {
        json.WriteStartArray("layers"u8);
        foreach (var (layer, index) in layers.EnumerateArray().Zip(indexes))
        {
            json.WriteStartObject();
            var annotated = false;
            foreach (var member in layer.EnumerateObject())
            {
                if (member.NameEquals("annotations"u8) && member.Value.ValueKind == JsonValueKind.Object)
                {
                    WriteAnnotations(json, member.Value, index);
                    annotated = true;
                }
                else if (!member.NameEquals("annotations"u8))
                {
                    member.WriteTo(json);
                }
            }

            if (!annotated) WriteAnnotations(json, null, index);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    static void WriteAnnotations(Utf8JsonWriter json, JsonElement? given, Descriptor index)
    {
        json.WriteStartObject("annotations"u8);
        if (given is { } annotations)
        {
            foreach (var annotation in annotations.EnumerateObject())
                if (annotation.Name is not (IndexBlobFormat.DigestAnnotation or IndexBlobFormat.SizeAnnotation))
                    annotation.WriteTo(json);
        }

        json.WriteString(IndexBlobFormat.DigestAnnotation, index.Digest.ToString());
        json.WriteString(IndexBlobFormat.SizeAnnotation, index.Size.ToString(CultureInfo.InvariantCulture));
        json.WriteEndObject();
    }

    static void WriteDescriptor(Utf8JsonWriter json, Descriptor descriptor)
    {
        json.WriteStartObject();
        json.WriteString("mediaType"u8, descriptor.MediaType);
        json.WriteString("digest"u8, descriptor.Digest.ToString());
        json.WriteNumber("size"u8, descriptor.Size);
        if (descriptor.Annotations.Count > 0)
        {
            json.WriteStartObject("annotations"u8);
            foreach (var (name, value) in descriptor.Annotations) json.WriteString(name, value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
