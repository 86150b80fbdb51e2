using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Merge;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>A JSON document of an image, read strictly: what two parsers could read differently is refused (CVE-2021-41190).</summary>
sealed class OciDocument : IDisposable
{
    /// <summary>What registries take for a manifest, too (distribution-spec).</summary>
    public const int MaxSize = 4 << 20;

    /// <summary>RFC 6838 allows 127 letters on either side of the slash.</summary>
    const int MaxMediaType = 255;

    const int MaxReason = 500;

    static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    readonly JsonDocument _document;

    OciDocument(string name, JsonDocument document) => (Name, _document) = (name, document);

    /// <summary>For messages: which document of what.</summary>
    public string Name { get; }

    public JsonElement Root => _document.RootElement;

    /// <exception cref="ImageException">It is no JSON object.</exception>
    public static OciDocument Parse(string name, ReadOnlyMemory<byte> json)
    {
        try
        {
            var document = new OciDocument(name, JsonDocument.Parse(json, s_options));
            CheckTexts(document.Root);
            if (document.Root.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
            throw new ImageException($"{name} is not a JSON object");
        }
        catch (JsonException e)
        {
            // The parser's own message quotes the rest of the document, whatever its size.
            throw new ImageException($"{name} is not sound JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine})", e);
        }
        catch (InvalidOperationException e)
        {
            throw new ImageException($"{name} is not sound JSON: {e.Message}", e);
        }
    }

    /// <summary>The parser takes any bytes in strings and half surrogate pairs, and would complain only when they are used.</summary>
    /// <exception cref="InvalidOperationException">A string is no Unicode text.</exception>
    static void CheckTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) CheckTexts(item);
                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    CheckTexts(member.Value);
                }

                break;
        }
    }

    public void Dispose() => _document.Dispose();

    /// <summary>A member of exactly this name. Some parsers do not tell upper from lower case, so that a name which
    /// differs only in that would have two meanings.</summary>
    public JsonElement? Member(JsonElement parent, string name, JsonValueKind kind)
    {
        JsonElement? found = null;
        foreach (var member in parent.EnumerateObject())
        {
            if (member.NameEquals(name)) found = member.Value;
            else if (string.Equals(member.Name, name, StringComparison.OrdinalIgnoreCase)) throw Bad($"'{member.Name}' should be '{name}'");
        }

        if (found is not { ValueKind: not JsonValueKind.Null } value) return null;
        return value.ValueKind == kind ? value : throw Bad($"'{name}' is {value.ValueKind}, not {kind}");
    }

    public string? Text(JsonElement parent, string name) => Member(parent, name, JsonValueKind.String)?.GetString();

    public long Number(JsonElement parent, string name) =>
        (Member(parent, name, JsonValueKind.Number) ?? throw Missing(name)).TryGetInt64(out var value)
            ? value
            : throw Bad($"'{name}' is not a whole number");

    public List<string> Texts(JsonElement parent, string name)
    {
        var texts = new List<string>();
        if (Member(parent, name, JsonValueKind.Array) is not { } array) return texts;
        foreach (var item in array.EnumerateArray())
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Bad($"'{name}' holds {item.ValueKind}"));
        return texts;
    }

    public Digest Digest(string text, string what) =>
        ObjectStore.Sources.Digest.TryParse(text) ?? throw Bad($"{what} '{text}' is not a digest that can be verified (sha256 or sha512, lower case, full length)");

    public void CheckSchemaVersion()
    {
        if (Number(Root, "schemaVersion") is not 2 and var version) throw Bad($"schemaVersion is {version}, not 2");
    }

    public Descriptor Descriptor(JsonElement element, string what)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Bad($"{what} is {element.ValueKind}, not a descriptor");
        var mediaType = Text(element, "mediaType") ?? throw Missing($"{what}.mediaType");
        if (mediaType.Length > MaxMediaType) throw Bad($"{what}.mediaType has {mediaType.Length} letters");
        var digest = Digest(Text(element, "digest") ?? throw Missing($"{what}.digest"), $"{what}.digest");
        var size = Number(element, "size");
        if (size < 0) throw Bad($"{what}.size is {size}");
        Platform? platform = null;
        if (Member(element, "platform", JsonValueKind.Object) is { } given)
            platform = ReadPlatform(given) ?? throw Bad($"{what}.platform lacks os or architecture");
        var annotations = new Dictionary<string, string>();
        if (Member(element, "annotations", JsonValueKind.Object) is { } pairs)
            foreach (var pair in pairs.EnumerateObject())
                annotations[pair.Name] = pair.Value.ValueKind == JsonValueKind.String ? pair.Value.GetString()! : throw Bad($"{what}'s annotation '{pair.Name}' is no text");
        return new Descriptor(mediaType, digest, size, platform, annotations);
    }

    public Platform? ReadPlatform(JsonElement element) =>
        Text(element, "os") is { Length: > 0 } os && Text(element, "architecture") is { Length: > 0 } architecture
            ? new Platform(os, architecture, Text(element, "variant") is { Length: > 0 } variant ? variant : null)
            : null;

    /// <summary>What it quotes may be as long as the document, and hold anything; a line for a person does not.</summary>
    public ImageException Bad(string why) =>
        new($"{Name} is not sound: {PathText.Of(Encoding.UTF8.GetBytes(why.Length <= MaxReason ? why : why[..MaxReason] + "…"))}");

    public ImageException Missing(string name) => Bad($"'{name}' is missing");
}
