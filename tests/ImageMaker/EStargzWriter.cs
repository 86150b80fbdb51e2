using System.Globalization;
using System.Text.Json.Nodes;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes eStargz layers: gzip members for each file or chunk, the table of contents, the footer.</summary>
public static class EStargzWriter
{
    /// <param name="entries">Without holes.</param>
    /// <param name="dialect">Of their headers.</param>
    /// <param name="chunkSize">Bytes of a file in a member at most.</param>
    /// <param name="together">Several small files share a member, as with a least chunk size.</param>
    /// <param name="bend">May change the table before it is written.</param>
    /// <param name="bendHeader">May change the header of the table in the tar.</param>
    public static TocLayer Create(IReadOnlyList<MadeEntry> entries, HeaderDialect dialect = HeaderDialect.Pax, int chunkSize = 1000, bool together = false, Action<JsonObject>? bend = null,
        Func<MadeEntry, MadeEntry>? bendHeader = null)
    {
        var blob = new List<byte>();
        var tar = new List<byte>();
        var member = new List<byte>();
        var toc = new JsonArray();
        var memberIsOpen = false;
        foreach (var entry in entries)
        {
            Put(TocLayer.HeaderOf(entry, dialect));
            var json = TocEntries.Of(entry, nanoseconds: false);
            toc.Add(json);
            if (entry.Type != '0') continue;
            json["digest"] = TocEntries.Sha256(entry.Data);
            for (var offset = 0; offset < entry.Data.Length; offset += chunkSize)
            {
                var chunk = entry.Data[offset..Math.Min(entry.Data.Length, offset + chunkSize)];
                if (offset > 0) toc.Add(json = new JsonObject { ["name"] = json["name"]!.DeepClone(), ["type"] = "chunk", ["chunkOffset"] = offset });
                if (offset + chunkSize <= entry.Data.Length) json["chunkSize"] = chunkSize;
                if (!together || !memberIsOpen || member.Count > 3000) EndMember();
                memberIsOpen = true;
                json["offset"] = blob.Count;
                if (member.Count > 0) json["innerOffset"] = member.Count;
                json["chunkDigest"] = TocEntries.Sha256(chunk);
                Put(chunk);
            }

            Put(new byte[TocLayer.PaddedLength(entry) - entry.Data.Length]);
        }

        EndMember();
        var document = TocLayer.Document(toc, bend);
        var tocOffset = blob.Count;
        var table = new MadeEntry("stargz.index.json", '0') { Mode = 0, Mtime = 0, Data = document };
        Put(new TarWriter().Entry(bendHeader?.Invoke(table) ?? table, dialect).ToArray());
        EndMember();
        blob.AddRange([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, (byte)'S', (byte)'G', 22, 0]);
        blob.AddRange(TarWriter.Bytes(tocOffset.ToString("x16", CultureInfo.InvariantCulture) + "STARGZ"));
        blob.AddRange([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        return new TocLayer([.. blob], [.. tar], new Dictionary<string, string> { ["containerd.io/snapshot/stargz/toc.digest"] = TocEntries.Sha256(document) });

        void Put(byte[] bytes)
        {
            member.AddRange(bytes);
            tar.AddRange(bytes);
        }

        void EndMember()
        {
            if (member.Count > 0) blob.AddRange(LayoutWriter.Gzip([.. member]));
            member.Clear();
        }
    }
}
