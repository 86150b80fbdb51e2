using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Soci;
using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.Backends.Overlay.Tests.Check;
using VirtioFsStore.Backends.Overlay.Tests.Tocs;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Soci;

public sealed class SociTests
{
    static readonly MadeEntry[] s_entries =
    [
        .. AwkwardEntries.All,
        new("noise", '0') { Data = AwkwardEntries.Noise(700_000) },
        MadeEntry.File("latin-\xe9", "no UTF-8"),
        new("time", '0') { Mtime = 1, Nanoseconds = 123_456_789, Data = [1] },
        new("zeros", '0') { Data = new byte[1_000_000] },
        new("text", '0') { Data = Text(900_000) },
    ];

    /// <summary>What deflate makes smaller, in blocks whose ends lie within bytes.</summary>
    static byte[] Text(int length)
    {
        var random = new Random(length);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)('a' + (random.Next(26) & random.Next(26))))];
    }

    static TocImport Import(int spanSize = 100_000, bool firstVersion = false)
    {
        var (layer, ztoc) = ZtocWriter.Create(s_entries, spanSize, firstVersion);
        var import = new TocImport(layer, Compression.Gzip);
        import.AddSociIndex(ztoc);
        return import;
    }

    [Theory]
    [InlineData(100_000, false)]
    [InlineData(100_000, true)]
    [InlineData(4 << 20, false)]
    public async Task A_layer_is_what_it_is_when_it_is_streamed(int spanSize, bool firstVersion)
    {
        await using var import = Import(spanSize, firstVersion);
        await import.AssertLikeStreamedAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public async Task Its_content_comes_piece_by_piece_or_many_spans_in_one_request(int step)
    {
        await using var import = Import();
        var streamed = await File.ReadAllBytesAsync(Path.Combine(await import.StreamAsync(), LayerBuilder.DataName));
        var folder = (await import.TryAsync())!;

        Assert.Equal(streamed, await import.FetchAsync(folder, step));

        using var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName));
        Assert.Contains(index.ReadSpans(), span => span.Start.Bits > 0);
        Assert.InRange(index.SpanCount, 5, 100);
    }

    [Fact]
    public async Task A_span_that_was_tampered_with_is_no_content_and_is_counted()
    {
        await using var import = Import();
        var folder = (await import.TryAsync())!;
        SeekSpan span;
        long pieces;
        using (var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName)))
        {
            // One whose bytes decompress whatever they are: stored, as noise is.
            span = index.ReadSpans().First(span => span.Start.OutOffset > 100_000 && span.PieceCount > 0);
            pieces = index.PieceCount;
        }

        Flip(import.BlobPath(import.Layer.Blob.Digest), (span.Start.InOffset + span.InEnd) / 2);
        await using var cache = import.OpenCache(folder);

        for (var piece = 0L; piece < pieces; piece++)
        {
            var isTampered = piece >= span.FirstPiece && piece < span.FirstPiece + span.PieceCount;
            Assert.Equal(isTampered ? Errno.EIO : Errno.None, await cache.EnsureAsync(piece, 1, null, default));
            Assert.Equal(isTampered ? PieceState.Absent : PieceState.Present, cache.Store.StateOf(piece));
        }

        Assert.True(cache.Store.Counters.Read().VerifyFailures > 0);
        var through = await cache.ReadThroughAsync(span.FirstPiece, 1, 0, 1, default);
        Assert.Equal(Errno.EIO, through.Error);
    }

    [Fact]
    public async Task What_was_fetched_is_held_to_what_it_was_when_it_is_in_doubt()
    {
        await using var import = Import();
        var folder = (await import.TryAsync())!;
        _ = await import.FetchAsync(folder, 1000);
        await using var cache = import.OpenCache(folder);

        Assert.Equal(0, (await cache.Store.VerifyAsync(null, default)).DamagedCount);
        using (var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName)))
            Flip(Path.Combine(folder, LayerBuilder.DataName), index.ReadPieces(1, 1).First().DataOffset);
        Assert.Equal([1L], (await cache.Store.VerifyAsync(null, default)).Damaged);
        Assert.Equal(Errno.None, await cache.EnsureAsync(1, 1, null, default));
        Assert.Equal(0, (await cache.Store.VerifyAsync(null, default)).DamagedCount);
    }

    [Fact]
    public async Task A_table_that_was_tampered_with_is_not_used_and_one_line_says_so()
    {
        var (layer, ztoc) = ZtocWriter.Create(s_entries);
        await using var import = new TocImport(layer, Compression.Gzip);
        import.AddSociIndex(ztoc);
        Flip(import.BlobPath(Digest.Sha256(ztoc)), ztoc.Length / 2);

        Assert.Null(await import.TryAsync());

        Assert.EndsWith("the copy is damaged; the layer is streamed instead", Assert.Single(import.Explained), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', import.Explained[0]);
    }

    [Fact]
    public async Task An_index_is_used_only_where_the_manifest_pins_it()
    {
        await using var import = Import();
        var stored = LayerDigests.TryRead(Path.Combine((await import.TryAsync())!, LayerBuilder.DigestsName))!;
        Assert.True(LayerImporter.Accepts(stored, import.Layer, RemoteIndexPolicy.Pinned));
        Assert.Null(await import.TryAsync(RemoteIndexPolicy.Never));

        import.Layer = import.Layer with { SociIndex = null };
        Assert.False(LayerImporter.Accepts(stored, import.Layer, RemoteIndexPolicy.Pinned));
        Assert.Null(await import.TryAsync());
        Assert.Empty(import.Explained);
    }

    [Fact]
    public async Task A_layer_that_the_index_leaves_out_is_streamed_without_a_word()
    {
        await using var import = Import();
        var tar = new TarWriter().File("small", "1").ToArray();
        await using var other = new TocImport(new TocLayer(LayoutWriter.Gzip(tar), tar, new Dictionary<string, string>()), Compression.Gzip);
        import.Layer = other.Layer with { SociIndex = import.Layer.SociIndex };

        Assert.Null(await import.TryAsync());
        Assert.Empty(import.Explained);
    }

    [Fact]
    public void Whatever_a_table_says_it_is_an_index_or_an_error()
    {
        var (made, ztoc) = ZtocWriter.Create([.. s_entries.Where(entry => entry.Data.Length < 1000), new("noise", '0') { Data = AwkwardEntries.Noise(150_000) }], 50_000);
        var layer = new ImageLayer(new Descriptor("layer", Digest.Sha256(made.Blob), made.Blob.Length, null, made.Annotations), Compression.Gzip, Digest.Sha256(made.Tar));
        var root = Directory.CreateTempSubdirectory("vfs-soci").FullName;
        var random = new Random(5);
        var (taken, refused) = (0, 0);
        try
        {
            for (var i = 0; i < 300; i++)
            {
                var bent = ztoc.ToArray();
                for (var n = random.Next(1, 4); n > 0; n--) bent[random.Next(Math.Min(bent.Length, 12_000))] = (byte)random.Next(256);
                if (i % 10 == 0) bent = bent[..random.Next(bent.Length)];
                var folder = Directory.CreateDirectory(Path.Combine(root, $"{i}")).FullName;
                try
                {
                    SociIndex.Import(folder, layer, Digest.Sha256(bent), bent, default);
                    using var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName));
                    IndexSoundness.Check(index);
                    taken++;
                }
                catch (Exception e) when (e is LayerImportException or TarException)
                {
                    refused++;
                }

                Directory.Delete(folder, recursive: true);
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        Assert.InRange(taken, 30, 300);
        Assert.InRange(refused, 30, 300);
    }

    [Fact]
    public async Task The_manifest_of_an_image_says_where_its_index_is()
    {
        using var layout = new LayoutWriter();
        layout.Image("plain", new TarWriter().File("a", "1").ToArray());
        await using var source = new LayoutImageSource(layout.Path);
        var plain = await ImageResolver.ResolveAsync(source, ImageReference.Parse($"oci:{layout.Path}:plain"), Platform.Current, default);
        Assert.Null(plain.Layers[0].SociIndex);
        var json = await File.ReadAllTextAsync(layout.BlobPath(plain.Manifest.Digest));
        var soci = Digest.Sha256("an index"u8);
        layout.Tag("v1", layout.Add(LayoutWriter.ManifestType, json[..^1] + $$$""","annotations":{"com.amazon.soci.index-digest":"{{{soci}}}"}}"""));

        var image = await ImageResolver.ResolveAsync(source, ImageReference.Parse($"oci:{layout.Path}:v1"), Platform.Current, default);

        Assert.Equal(ImageReference.Parse($"oci:{layout.Path}@{soci}"), image.Layers[0].SociIndex);
    }

    [RootFact]
    public async Task An_image_that_was_never_streamed_is_what_GNU_tar_unpacks()
    {
        using var layout = new LayoutWriter();
        var (layer, ztoc) = ZtocWriter.Create(s_entries);
        ZtocWriter.AddImage(layout, "v1", layer, ztoc);
        var wasImported = false;

        var (count, output) = await CheckedImage.RunAsync(layout.Path, "v1", tamper: (store, opened) =>
            wasImported = store.ReadLayerDigests(opened.Image.Layers[0].Blob.Digest)!.RemoteIndex == opened.Image.Layers[0].SociIndex!.Digest);

        Assert.True(count == 0, output);
        Assert.True(wasImported);
    }

    static void Flip(string path, long offset)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 1));
    }
}
