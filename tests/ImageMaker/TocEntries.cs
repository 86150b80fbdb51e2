using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.ImageMaker;

/// <summary>The entries of a table of contents as Go's tools write them.</summary>
static class TocEntries
{
    /// <summary>The members that both formats have.</summary>
    public static JsonObject Of(MadeEntry entry, bool nanoseconds)
    {
        var json = new JsonObject { ["name"] = Text(entry.Path + (entry.Type == '5' ? "/" : "")), ["type"] = TypeOf(entry.Type) };
        Number(json, "size", entry.Data.Length);
        var time = DateTimeOffset.FromUnixTimeSeconds(entry.Mtime).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
        if (nanoseconds && entry.Nanoseconds > 0) time += "." + entry.Nanoseconds.ToString("d9", CultureInfo.InvariantCulture).TrimEnd('0');
        if (nanoseconds || entry.Mtime != 0) json["modtime"] = time + "Z";
        if (entry.Link.Length > 0) json["linkName"] = Text(entry.Link);
        Number(json, "mode", entry.Mode);
        Number(json, "uid", entry.Uid);
        Number(json, "gid", entry.Gid);
        Number(json, "devMajor", entry.Major);
        Number(json, "devMinor", entry.Minor);
        if (entry.Xattrs.Count > 0)
            json["xattrs"] = new JsonObject(entry.Xattrs.Select(pair => KeyValuePair.Create<string, JsonNode?>(Text(pair.Name), Convert.ToBase64String(TarWriter.Bytes(pair.Value)))));
        return json;
    }

    public static string Sha256(ReadOnlySpan<byte> data) => Digest.Sha256(data).ToString();

    /// <summary>What is no UTF-8 is replaced, as Go's encoder does.</summary>
    static string Text(string latin1) => Encoding.UTF8.GetString(TarWriter.Bytes(latin1));

    static void Number(JsonObject json, string name, long value)
    {
        if (value != 0) json[name] = value;
    }

    public static string TypeOf(char type) => type switch
    {
        '0' => "reg",
        '1' => "hardlink",
        '2' => "symlink",
        '3' => "char",
        '4' => "block",
        '5' => "dir",
        _ => "fifo",
    };
}
