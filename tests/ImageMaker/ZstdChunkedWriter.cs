using System.Globalization;
using System.Text.Json.Nodes;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes zstd:chunked layers: frames for each file or chunk, and the table of contents in a skippable frame.</summary>
public static class ZstdChunkedWriter
{
    /// <param name="entries">Without holes.</param>
    /// <param name="dialect">Of their headers.</param>
    /// <param name="chunkSize">Bytes of a file in a frame at most.</param>
    /// <param name="bend">May change the table before it is written.</param>
    public static TocLayer Create(IReadOnlyList<MadeEntry> entries, HeaderDialect dialect = HeaderDialect.Pax, int chunkSize = 1000, Action<JsonObject>? bend = null)
    {
        var blob = new List<byte>();
        var tar = new List<byte>();
        var toc = new JsonArray();
        foreach (var entry in entries)
        {
            Frame(TocLayer.HeaderOf(entry, dialect));
            var json = TocEntries.Of(entry, nanoseconds: true);
            toc.Add(json);
            if (entry.Type != '0' || entry.Data.Length == 0) continue;
            var file = json;
            file["digest"] = TocEntries.Sha256(entry.Data);
            for (var offset = 0; offset < entry.Data.Length; offset += chunkSize)
            {
                var chunk = entry.Data[offset..Math.Min(entry.Data.Length, offset + chunkSize)];
                if (offset > 0) toc.Add(json = new JsonObject { ["type"] = "chunk", ["name"] = file["name"]!.DeepClone(), ["chunkOffset"] = offset });
                json["offset"] = blob.Count;
                if (entry.Data.Length > chunkSize)
                {
                    json["chunkSize"] = chunk.Length;
                    json["chunkDigest"] = TocEntries.Sha256(chunk);
                    if (!chunk.AsSpan().ContainsAnyExcept((byte)0)) json["chunkType"] = "zeros";
                }

                Frame(chunk);
            }

            file["endOffset"] = blob.Count;
            Frame(new byte[TocLayer.PaddedLength(entry) - entry.Data.Length]);
        }

        Frame(new byte[1024]);
        var document = TocLayer.Document(toc, bend);
        var packed = LayoutWriter.ZstdFrame(document);
        blob.AddRange([0x50, 0x2a, 0x4d, 0x18, .. BitConverter.GetBytes(packed.Length)]);
        var position = string.Create(CultureInfo.InvariantCulture, $"{blob.Count}:{packed.Length}:{document.Length}:1");
        blob.AddRange(packed);
        return new TocLayer([.. blob], [.. tar], new Dictionary<string, string>
        {
            ["io.github.containers.zstd-chunked.manifest-checksum"] = TocEntries.Sha256(packed),
            ["io.github.containers.zstd-chunked.manifest-position"] = position,
        });

        void Frame(byte[] bytes)
        {
            if (bytes.Length > 0) blob.AddRange(LayoutWriter.ZstdFrame(bytes));
            tar.AddRange(bytes);
        }
    }
}
