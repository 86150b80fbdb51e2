using System.Text.Encodings.Web;
using System.Text.Json;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Images;

/// <summary><c>image inspect</c>: one image as JSON, with what the store has of it.</summary>
static class ImageInspection
{
    static readonly JsonWriterOptions s_format = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task RunAsync(ImageReference reference, SourceSettings settings, StoreDirectory? store, Stream output, CancellationToken cancellation)
    {
        var source = ImagePlace.Open(reference, settings.Remote);
        ResolvedImage image;
        await using (source.ConfigureAwait(false))
            image = await ImageResolver.ResolveAsync(source, reference, settings.Platform, cancellation).ConfigureAwait(false);
        var json = new Utf8JsonWriter(output, s_format);
        await using (json.ConfigureAwait(false))
            Write(json, image, store);
        output.WriteByte((byte)'\n');
    }

    static void Write(Utf8JsonWriter json, ResolvedImage image, StoreDirectory? store)
    {
        json.WriteStartObject();
        json.WriteString("reference", image.Reference.ToString());
        json.WriteString("digest", image.Manifest.Digest.ToString());
        json.WriteString("mediaType", image.Manifest.MediaType);
        json.WriteString("platform", image.Config.Platform?.ToString());
        json.WriteString("created", image.Config.Created);
        WriteList(json, "entrypoint", image.Config.Entrypoint);
        WriteList(json, "command", image.Config.Command);
        WriteList(json, "environment", image.Config.Environment);
        json.WriteString("workingDirectory", image.Config.WorkingDirectory);
        json.WriteString("user", image.Config.User);
        json.WriteNumber("size", image.Layers.Sum(layer => layer.Blob.Size));
        json.WriteStartArray("layers");
        foreach (var layer in image.Layers)
            WriteLayer(json, layer, store);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    static void WriteLayer(Utf8JsonWriter json, ImageLayer layer, StoreDirectory? store)
    {
        json.WriteStartObject();
        json.WriteString("digest", layer.Blob.Digest.ToString());
        json.WriteString("mediaType", layer.Blob.MediaType);
        json.WriteNumber("size", layer.Blob.Size);
        json.WriteString("diffId", layer.DiffId.ToString());
        var indexed = store is not null && File.Exists(store.LayerPath(layer.Blob.Digest, LayerFile.Index));
        json.WriteBoolean("indexed", indexed);
        if (indexed)
        {
            using var index = store!.OpenLayerIndex(layer.Blob.Digest);
            json.WriteNumber("streamSize", index.Info.StreamSize);
            json.WriteNumber("contentSize", index.Info.Allocated);
            json.WriteNumber("entries", index.Info.EntryCount);
            json.WriteNumber("pieces", index.Info.PieceCount);
            json.WriteNumber("seekPoints", index.Info.SpanCount);
        }
        json.WriteEndObject();
    }

    static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
