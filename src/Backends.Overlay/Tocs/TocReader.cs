using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>Reads the JSON of a table of contents, an entry at a time.</summary>
static class TocReader
{
    /// <summary>Of the JSON. An entry has some 300 bytes; what is larger is not worth its memory, and the layer is streamed.</summary>
    public const int MaxSize = 64 << 20;

    /// <summary>Of an object within an entry, known or not: so many names are kept, to find one that comes twice. Tools write some twenty; attributes of a
    /// file are rarely ten.</summary>
    const int MaxMembers = 1024;

    /// <summary>Of a text as it is written, in bytes: an attribute of 64 KiB in base64, with all its slashes escaped, and far more than a path.</summary>
    const int MaxText = 512 << 10;

    const int Version = 1;

    /// <param name="json">The document.</param>
    /// <param name="add">Gets each entry, in order.</param>
    /// <exception cref="LayerImportException">It is no table of contents.</exception>
    /// <exception cref="TarException">What <paramref name="add"/> says.</exception>
    public static void Read(ReadOnlySpan<byte> json, Action<TocEntry> add)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            ReadDocument(ref reader, add);
        }
        catch (JsonException e)
        {
            // The parser's own message quotes the rest of the document, whatever its size.
            throw new LayerImportException($"its table of contents is not sound JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine})");
        }
        catch (InvalidOperationException)
        {
            // What GetString says of bytes that are no text.
            throw new LayerImportException($"its table of contents holds what is no text (before byte {reader.BytesConsumed})");
        }
    }

    static void ReadDocument(ref Utf8JsonReader reader, Action<TocEntry> add)
    {
        bool hasEntries = false, hasVersion = false;
        Expect(ref reader, JsonTokenType.StartObject, "the document");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("version"u8))
            {
                if (hasVersion) throw Twice("version");
                hasVersion = true;
                reader.Read();
                if (Number(ref reader, "version") is not Version and var version) throw new LayerImportException($"its table of contents has version {version}, this program reads {Version}");
            }
            else if (reader.ValueTextEquals("entries"u8))
            {
                if (hasEntries) throw Twice("entries");
                hasEntries = true;
                Expect(ref reader, JsonTokenType.StartArray, "entries");
                while (reader.Read() && reader.TokenType == JsonTokenType.StartObject) add(ReadEntry(ref reader));
                if (reader.TokenType != JsonTokenType.EndArray) throw new LayerImportException("its table of contents has an entry that is no object");
            }
            else
            {
                reader.Skip();
            }
        }

        // Reading on finds what stands behind the document.
        while (reader.Read())
        {
        }

        if (!hasEntries || !hasVersion) throw new LayerImportException("its table of contents has no entries or no version");
    }

    static TocEntry ReadEntry(ref Utf8JsonReader reader)
    {
        var entry = new TocEntry();
        var seen = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Text(ref reader, "a member's name");
            if (!seen.Add(name)) throw Twice(name);
            if (seen.Count > MaxMembers) throw new LayerImportException($"an entry of its table of contents has more than {MaxMembers} members");
            reader.Read();
            // Go leaves a member out or writes its zero.
            if (reader.TokenType == JsonTokenType.Null) continue;
            switch (name)
            {
                case "type": entry.Type = Text(ref reader, name); break;
                case "name": entry.Name = Bytes(ref reader, name); break;
                case "linkName": entry.Link = Bytes(ref reader, name); break;
                case "mode": entry.Mode = Number(ref reader, name); break;
                case "size": entry.Size = Number(ref reader, name); break;
                case "uid": entry.Uid = Number(ref reader, name); break;
                case "gid": entry.Gid = Number(ref reader, name); break;
                case "modtime": entry.Time = Text(ref reader, name); break;
                case "devMajor": entry.DeviceMajor = Number(ref reader, name); break;
                case "devMinor": entry.DeviceMinor = Number(ref reader, name); break;
                case "digest": entry.Digest = Text(ref reader, name); break;
                case "offset": entry.Offset = Number(ref reader, name); break;
                case "endOffset": entry.EndOffset = Number(ref reader, name); break;
                case "innerOffset": entry.InnerOffset = Number(ref reader, name); break;
                case "chunkOffset": entry.ChunkOffset = Number(ref reader, name); break;
                case "chunkSize": entry.ChunkSize = Number(ref reader, name); break;
                case "chunkDigest": entry.ChunkDigest = Text(ref reader, name); break;
                case "xattrs": ReadXattrs(ref reader, entry); break;
                default: reader.Skip(); break;
            }
        }

        return entry;
    }

    static void ReadXattrs(ref Utf8JsonReader reader, TocEntry entry)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new LayerImportException("the extended attributes of an entry are no object");
        var total = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = PaxHeader.DecodeGnu(Bytes(ref reader, "an extended attribute's name"));
            reader.Read();
            var value = Array.Empty<byte>();
            if (entry.Xattrs.Count == MaxMembers) throw new LayerImportException($"an entry of its table of contents has more than {MaxMembers} extended attributes");
            if (reader.ValueSpan.Length > MaxText) throw TooLong("an extended attribute");
            if (reader.TokenType != JsonTokenType.Null && (reader.TokenType != JsonTokenType.String || !reader.TryGetBytesFromBase64(out value)))
                throw new LayerImportException("the value of an extended attribute is not base64");
            TarXattr.Check(name, value, ref total);
            entry.Xattrs.Add(new(name, value));
        }
    }

    static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        reader.Read();
        if (reader.TokenType != type) throw new LayerImportException($"its table of contents is none: {what} is {reader.TokenType}");
    }

    static long Number(ref Utf8JsonReader reader, string name) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value)
            ? value
            : throw new LayerImportException($"'{name}' of its table of contents is no whole number");

    static string Text(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) throw new LayerImportException($"'{name}' of its table of contents is no text");
        return reader.ValueSpan.Length <= MaxText ? reader.GetString()! : throw TooLong(name);
    }

    static LayerImportException TooLong(string name) => new($"'{name}' of its table of contents has more than {MaxText} bytes");

    /// <summary>Names are bytes, JSON is Unicode: what was no UTF-8 has been replaced, and nobody knows by what it was.</summary>
    static byte[] Bytes(ref Utf8JsonReader reader, string name)
    {
        var text = Text(ref reader, name);
        return text.Contains('\ufffd', StringComparison.Ordinal)
            ? throw new LayerImportException($"its table of contents has a '{name}' that was no UTF-8 and cannot be told")
            : Encoding.UTF8.GetBytes(text);
    }

    static LayerImportException Twice(string name) =>
        new($"its table of contents has {TarField.Display(Encoding.UTF8.GetBytes(name))} twice in one place");
}
