using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Fuzz.Images;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>Indexes that somebody else made, pinned as they are: index blobs, the tables of contents of eStargz and zstd:chunked, and SOCI's. They are refused in one
/// line and leave nothing, or make a layer's folder with an index in which nothing contradicts anything else.</summary>
public sealed class IndexTarget : FuzzTarget
{
    static readonly MadeEntry[] s_entries =
    [
        MadeEntry.Directory("d") with { Xattrs = [("user.x", "1")] },
        MadeEntry.File("d/f", new string('x', 2500)),
        MadeEntry.Symlink("s", "d/f"),
        new("c", '3') { Major = 10, Minor = 229, Uid = 5 },
        MadeEntry.File(".wh.g", ""),
    ];

    /// <summary>Indexes that were not refused.</summary>
    public int Taken { get; private set; }

    public override string Name => "indexes";

    public override string Description => "index blobs, tables of contents and SOCI's tables";

    public override int ShortRun => 60;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        using var folder = Scratch.Create();
        using var layout = new LayoutWriter();
        var layer = random.Next(4) switch
        {
            0 => WithToc(layout, EStargzWriter.Create(s_entries, bend: toc => Bend(random, toc)), Compression.Gzip),
            1 => WithToc(layout, ZstdChunkedWriter.Create(s_entries, bend: toc => Bend(random, toc)), Compression.Zstd),
            2 => WithSociIndex(layout, random),
            _ => WithBlob(layout, random, folder.Path),
        };
        var import = Directory.CreateDirectory(Path.Combine(folder.Path, "import")).FullName;
        var explained = new List<string>();
        var source = new LayoutImageSource(layout.Path);
        var taken = LayerImporter.TryImportAsync(import, layer, source, RemoteIndexPolicy.Pinned, explained.Add, default).AsTask().GetAwaiter().GetResult();
        source.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Require(taken == (explained.Count == 0), $"it was {(taken ? "taken" : "refused")}, and {explained.Count} reasons were given");
        Require(explained.TrueForAll(why => !why.Contains('\n') && why.Length < 4000), $"a refusal is not one line: {string.Join('|', explained)}");
        Require(Directory.GetFiles(import).Length == (taken ? 4 : 0), "files are left, or missing");
        if (taken) CheckSound(import);
    }

    void CheckSound(string folder)
    {
        Taken++;
        using var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName));
        try
        {
            IndexSoundness.Check(index);
        }
        catch (InvalidDataException e)
        {
            throw new FuzzException($"an index that was taken is not sound: {e.Message}");
        }
    }

    /// <summary>The table's text is bent at one place; where it is no JSON any more, a whole member takes its place.</summary>
    static void Bend(Random random, JsonObject toc)
    {
        var text = Damage.Of(random, Encoding.UTF8.GetBytes(toc.ToJsonString()));
        try
        {
            if (JsonNode.Parse(text) is not JsonObject bent) return;
            toc.Clear();
            foreach (var (name, value) in bent.ToList())
            {
                bent.Remove(name);
                toc[name] = value;
            }
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            var entries = toc["entries"]!.AsArray();
            var entry = entries[random.Next(entries.Count)]!.AsObject();
            entry[entry.ElementAt(random.Next(entry.Count)).Key] = random.Next(3) switch { 0 => random.NextInt64(), 1 => random.Next(5000), _ => "x" };
        }
    }

    static ImageLayer WithToc(LayoutWriter layout, TocLayer made, Compression compression)
    {
        var bytes = made.Blob;
        return new ImageLayer(new Descriptor("layer", layout.Blob(bytes), bytes.Length, null, made.Annotations), compression, Digest.Sha256(made.Tar));
    }

    static ImageLayer WithSociIndex(LayoutWriter layout, Random random)
    {
        var (made, ztoc) = ZtocWriter.Create(s_entries, spanSize: 1000, firstVersion: random.Next(2) == 0);
        var index = ZtocWriter.DigestOf(ZtocWriter.AddIndex(layout, Digest.Sha256(made.Blob), Damage.Of(random, ztoc)));
        return WithToc(layout, made, Compression.Gzip) with { SociIndex = ImageReference.Parse($"oci:{layout.Path}@{index}") };
    }

    static ImageLayer WithBlob(LayoutWriter layout, Random random, string folder)
    {
        var made = RandomImage.Create(random.Next(50)).Layers[0];
        var bytes = made.Compress();
        var compression = made.MediaType switch
        {
            LayoutWriter.PlainLayer => Compression.None,
            LayoutWriter.ZstdLayer => Compression.Zstd,
            _ => Compression.Gzip,
        };
        var layer = new ImageLayer(new Descriptor("layer", layout.Blob(bytes), bytes.Length, null, new Dictionary<string, string>()), compression, Digest.Parse(made.DiffId));
        var local = Directory.CreateDirectory(Path.Combine(folder, "local")).FullName;
        LayerBuilder.BuildAsync(local, layer, new MemorySource(bytes, int.MaxValue), null, default).AsTask().GetAwaiter().GetResult();
        var path = Path.Combine(folder, "blob");
        using (var index = LayerIndex.Open(Path.Combine(local, LayerBuilder.IndexName))) IndexBlobWriter.Write(index, path);
        var blob = random.Next(4) == 0 ? Damage.Of(random, File.ReadAllBytes(path)) : BentIndexBlob.Of(random, path);
        var annotations = new Dictionary<string, string>
        {
            [IndexBlobFormat.DigestAnnotation] = layout.Blob(blob).ToString(),
            [IndexBlobFormat.SizeAnnotation] = blob.Length.ToString(CultureInfo.InvariantCulture),
        };
        return layer with { Blob = layer.Blob with { Annotations = annotations } };
    }
}
