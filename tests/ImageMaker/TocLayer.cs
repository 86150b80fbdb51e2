using System.Text.Json.Nodes;

namespace VirtioFsStore.ImageMaker;

/// <summary>A layer that brings a table of contents.</summary>
/// <param name="Blob">Compressed, with the table.</param>
/// <param name="Tar">What it decompresses to.</param>
/// <param name="Annotations">What its descriptor says of the table.</param>
public sealed record TocLayer(byte[] Blob, byte[] Tar, IReadOnlyDictionary<string, string> Annotations)
{
    /// <summary>The tar bytes of an entry before its data; what follows is data and padding.</summary>
    internal static byte[] HeaderOf(MadeEntry entry, HeaderDialect dialect) =>
        new TarWriter().Entry(entry, dialect).ToArray(end: false)[..^PaddedLength(entry)];

    internal static int PaddedLength(MadeEntry entry) => (entry.Data.Length + 511) & ~511;

    internal static byte[] Document(JsonArray entries, Action<JsonObject>? bend)
    {
        var toc = new JsonObject { ["version"] = 1, ["entries"] = entries };
        bend?.Invoke(toc);
        return System.Text.Encoding.UTF8.GetBytes(toc.ToJsonString());
    }
}
