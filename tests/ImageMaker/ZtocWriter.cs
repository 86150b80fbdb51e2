using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes SOCI's tables of gzip layers from their format's description (awslabs/soci-snapshotter, ztoc/fbs/ztoc.fbs and
/// ztoc/compression/gzip_zinfo.c). It stands in for a peer that cannot be had here: no distribution packages the soci program.</summary>
public static class ZtocWriter
{
    const int WindowSize = 32768;

    /// <summary>Of a gzip header with no name in it, as .NET writes it.</summary>
    const int GzipHeader = 10;

    /// <param name="entries">Without holes.</param>
    /// <param name="spanSize">Uncompressed bytes between seek points, at least.</param>
    /// <param name="firstVersion">Whether the first seek point is left out, as it was at first.</param>
    /// <returns>The layer, and its table.</returns>
    public static (TocLayer Layer, byte[] Ztoc) Create(IReadOnlyList<MadeEntry> entries, int spanSize = 100_000, bool firstVersion = false)
    {
        var tar = new List<byte>();
        var files = new List<object?[]>();
        foreach (var entry in entries)
        {
            tar.AddRange(TocLayer.HeaderOf(entry, HeaderDialect.Pax));
            files.Add(File(entry, tar.Count));
            tar.AddRange(entry.Data);
            tar.AddRange(new byte[TocLayer.PaddedLength(entry) - entry.Data.Length]);
        }

        tar.AddRange(new byte[1024]);
        var blob = LayoutWriter.Gzip([.. tar]);
        var points = Points(blob, spanSize);
        var ztoc = FlatWriter.Write([
            "0.9", "VirtioFsStore tests", (long)blob.Length, (long)tar.Count,
            new object?[] { files.ToArray() },
            new object?[] { (byte)1, points.Count - 1, Digests(blob, points), Checkpoints(points, spanSize, firstVersion) },
        ]);
        return (new TocLayer(blob, [.. tar], new Dictionary<string, string>()), ztoc);
    }

    /// <summary>Puts SOCI's index of an image of one layer into a layout: the table, and the manifest that an image pins.</summary>
    /// <returns>The manifest's descriptor.</returns>
    public static string AddIndex(LayoutWriter layout, Digest layer, byte[] ztoc)
    {
        const string type = "application/vnd.amazon.soci.index.v2+json";
        var table = layout.Add("application/octet-stream", ztoc, $$""","annotations":{"com.amazon.soci.image-layer-digest":"{{layer}}"}""");
        var manifest = $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.ManifestType}}","artifactType":"{{type}}","config":{{layout.Add(type, "{}")}},"layers":[{{table}}]}""";
        return layout.Add(LayoutWriter.ManifestType, manifest, $$""","artifactType":"{{type}}","platform":{"architecture":"{{LayoutWriter.Architecture}}","os":"linux"}""");
    }

    /// <summary>An image of one layer as <c>soci convert</c> makes it: an index of the image and of what it pins, tagged.</summary>
    public static void AddImage(LayoutWriter layout, string tag, TocLayer layer, byte[] ztoc)
    {
        var blob = layout.Add(LayoutWriter.GzipLayer, layer.Blob);
        var soci = AddIndex(layout, Digest.Sha256(layer.Blob), ztoc);
        var config = layout.Add(LayoutWriter.ConfigType, $$$"""{"architecture":"{{{LayoutWriter.Architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.Sha256(layer.Tar)}}}"]}}""");
        var manifest = layout.Add(
            LayoutWriter.ManifestType,
            $$$"""{"schemaVersion":2,"mediaType":"{{{LayoutWriter.ManifestType}}}","config":{{{config}}},"layers":[{{{blob}}}],"annotations":{"com.amazon.soci.index-digest":"{{{DigestOf(soci)}}}"}}""",
            $$""","platform":{"architecture":"{{LayoutWriter.Architecture}}","os":"linux"}""");
        layout.Tag(tag, layout.Add(LayoutWriter.IndexType, $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.IndexType}}","manifests":[{{manifest}},{{soci}}]}"""));
    }

    /// <summary>Of what a descriptor describes.</summary>
    public static Digest DigestOf(string descriptor) => Digest.Parse(JsonDocument.Parse(descriptor).RootElement.GetProperty("digest").GetString()!);

    static object?[] File(MadeEntry entry, long offset)
    {
        var time = DateTimeOffset.FromUnixTimeSeconds(entry.Mtime).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
        if (entry.Nanoseconds > 0) time += "." + entry.Nanoseconds.ToString("d9", CultureInfo.InvariantCulture).TrimEnd('0');
        return
        [
            entry.Path + (entry.Type == '5' ? "/" : ""), TocEntries.TypeOf(entry.Type), offset, (long)entry.Data.Length, entry.Link, (long)entry.Mode,
            (uint)entry.Uid, (uint)entry.Gid, "", "", time + "Z", (long)entry.Major, (long)entry.Minor,
            entry.Xattrs.Select(pair => new object?[] { "SCHILY.xattr." + pair.Name, pair.Value }).ToArray(),
        ];
    }

    static List<SeekPoint> Points(byte[] blob, int spanSize)
    {
        List<SeekPoint> points = [new SeekPoint(GzipHeader, 0, true, 0, default)];
        var output = new byte[1 << 16];
        using var decoder = StreamDecoder.Create(Compression.Gzip, SeekPoint.Fresh(0, 0), spanSize);
        for (var at = 0; ;)
        {
            decoder.Decode(blob.AsSpan(at), output, out var taken, out var given);
            at += taken;
            while (decoder.TryTakePoint(out var point)) points.Add(point);
            if (taken == 0 && given == 0) return points;
        }
    }

    /// <summary>Of each span's compressed bytes; one byte may be in two of them.</summary>
    static string[] Digests(byte[] blob, List<SeekPoint> points) => [.. points.Select((point, i) =>
        TocEntries.Sha256(blob.AsSpan()[((int)point.InOffset - (point.Bits > 0 ? 1 : 0))..(i + 1 < points.Count ? (int)points[i + 1].InOffset : blob.Length)]))];

    static byte[] Checkpoints(List<SeekPoint> points, int spanSize, bool firstVersion)
    {
        var packed = new List<byte>();
        Put(points.Count, 4);
        Put(spanSize, 8);
        foreach (var point in points.Skip(firstVersion ? 1 : 0))
        {
            Put(point.InOffset, 8);
            Put(point.OutOffset, 8);
            Put(point.Bits, 1);
            packed.AddRange(new byte[WindowSize - point.Window.Length]);
            packed.AddRange(point.Window.Span);
        }

        return [.. packed];

        void Put(long value, int size)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            packed.AddRange(bytes[..size]);
        }
    }
}
