using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

public sealed class TocTests
{
    static readonly string s_long = string.Concat(Enumerable.Repeat("a-rather-long-name/", 9));

    /// <summary>Every type and attribute that a table can tell.</summary>
    static readonly MadeEntry[] s_entries =
    [
        .. AwkwardEntries.All,
        MadeEntry.File("chunks", new string('x', 4096)),
        MadeEntry.File("odd", new string('y', 12_345)),
        MadeEntry.File(s_long + "file", "path"),
        MadeEntry.File("\xc3\xa4 \"quote\"\n", "utf-8"),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_eStargz_layer_is_what_it_is_when_it_is_streamed(bool together)
    {
        await using var import = new TocImport(EStargzWriter.Create(s_entries, together: together), Compression.Gzip);
        await import.AssertLikeStreamedAsync();
    }

    [Fact]
    public async Task A_zstd_chunked_layer_is_what_it_is_when_it_is_streamed()
    {
        MadeEntry[] entries =
        [
            .. s_entries,
            new("time", '0') { Mtime = 1, Nanoseconds = 123_456_789, Data = [1] },
            new("time-before", '5') { Mtime = -2, Nanoseconds = 999_999_999 },
            new("time-tenth", '2') { Link = "x", Nanoseconds = 100_000_000, Mode = 0x1ff },
            new("zeros", '0') { Data = new byte[5000] },
        ];
        await using var import = new TocImport(ZstdChunkedWriter.Create(entries), Compression.Zstd);
        await import.AssertLikeStreamedAsync();
    }

    [Fact]
    public async Task A_large_file_of_small_frames_has_spans_of_a_MiB_and_pieces_of_a_frame()
    {
        await using var import = new TocImport(ZstdChunkedWriter.Create([new("large", '0') { Data = AwkwardEntries.Noise(3_000_000) }, new("small", '0') { Data = AwkwardEntries.Noise(200_000) }], chunkSize: 100_000), Compression.Zstd);
        await import.AssertLikeStreamedAsync();

        using var index = LayerIndex.Open(Path.Combine((await import.TryAsync())!, LayerBuilder.IndexName));
        Assert.Equal([1_000_000, 1_000_000, 1_000_000, 200_000], index.ReadSpans().Select(span => span.OutEnd - span.Start.OutOffset));
        Assert.Equal(31, index.PieceCount);
    }

    [Fact]
    public async Task A_large_file_of_an_eStargz_layer_is_fetched_chunk_by_chunk()
    {
        await using var import = new TocImport(EStargzWriter.Create([new("large", '0') { Data = AwkwardEntries.Noise(300_000) }], chunkSize: 100_000), Compression.Gzip);
        await import.AssertLikeStreamedAsync();

        using var index = LayerIndex.Open(Path.Combine((await import.TryAsync())!, LayerBuilder.IndexName));
        Assert.Equal([100_000, 100_000, 100_000], index.ReadSpans(0, 3).Select(span => span.OutEnd - span.Start.OutOffset));
    }

    [Theory]
    [InlineData(Compression.Gzip, 1)]
    [InlineData(Compression.Gzip, 1000)]
    [InlineData(Compression.Zstd, 1)]
    [InlineData(Compression.Zstd, 1000)]
    public async Task Its_content_comes_piece_by_piece_or_many_spans_in_one_request(Compression compression, int step)
    {
        MadeEntry[] entries = [.. s_entries, new("large", '0') { Data = AwkwardEntries.Noise(1_500_000) }, MadeEntry.File("last", "1")];
        await using var import = new TocImport(compression == Compression.Gzip ? EStargzWriter.Create(entries) : ZstdChunkedWriter.Create(entries), compression);
        var streamed = await File.ReadAllBytesAsync(Path.Combine(await import.StreamAsync(), LayerBuilder.DataName));
        Assert.Equal(streamed, await import.FetchAsync((await import.TryAsync())!, step));
    }

    [Fact]
    public async Task What_was_put_before_the_landmark_is_to_be_prefetched()
    {
        MadeEntry[] entries = [MadeEntry.File("sh", new string('s', 2500)), MadeEntry.File(".prefetch.landmark", "\x0f"), MadeEntry.File("rest", "r")];
        await using var import = new TocImport(EStargzWriter.Create(entries), Compression.Gzip);
        using var index = LayerIndex.Open(Path.Combine((await import.TryAsync())!, LayerBuilder.IndexName));
        Assert.Equal(3, index.CountPrefetchPieces());

        await using var without = new TocImport(EStargzWriter.Create([entries[0], entries[2]]), Compression.Gzip);
        using var other = LayerIndex.Open(Path.Combine((await without.TryAsync())!, LayerBuilder.IndexName));
        Assert.Equal(0, other.CountPrefetchPieces());
    }

    [Fact]
    public async Task A_table_that_nothing_pins_is_used_only_where_all_are_trusted()
    {
        await using var import = new TocImport(EStargzWriter.Create(s_entries), Compression.Gzip);
        import.Layer = import.Layer with { Blob = import.Layer.Blob with { Annotations = new Dictionary<string, string>() } };
        Assert.Null(await import.TryAsync(RemoteIndexPolicy.Never));
        Assert.Null(await import.TryAsync(RemoteIndexPolicy.Pinned));
        Assert.NotNull(await import.TryAsync(RemoteIndexPolicy.Trust));
        Assert.Empty(import.Explained);
    }

    [Fact]
    public async Task A_layer_without_a_table_is_streamed_without_a_word_also_where_all_are_trusted()
    {
        var tar = new TarWriter().File("a", "1").ToArray();
        await using var import = new TocImport(new TocLayer(LayoutWriter.Gzip(tar), tar, new Dictionary<string, string>()), Compression.Gzip);
        Assert.Null(await import.TryAsync(RemoteIndexPolicy.Trust));
        Assert.Empty(import.Explained);
    }

    [Fact]
    public async Task What_a_table_made_counts_for_images_that_pin_it()
    {
        await using var import = new TocImport(ZstdChunkedWriter.Create(s_entries), Compression.Zstd);
        var stored = LayerDigests.TryRead(Path.Combine((await import.TryAsync())!, LayerBuilder.DigestsName))!;
        Assert.True(LayerImporter.Accepts(stored, import.Layer, RemoteIndexPolicy.Pinned));
        var unpinned = import.Layer with { Blob = import.Layer.Blob with { Annotations = new Dictionary<string, string>() } };
        Assert.False(LayerImporter.Accepts(stored, unpinned, RemoteIndexPolicy.Pinned));
    }

    [Theory]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task A_name_that_is_no_UTF_8_cannot_be_told_by_a_table_so_that_the_layer_is_streamed(Compression compression)
    {
        MadeEntry[] entries = [MadeEntry.File("latin-\xe9", "1")];
        await using var import = new TocImport(compression == Compression.Gzip ? EStargzWriter.Create(entries) : ZstdChunkedWriter.Create(entries), compression);
        Assert.Null(await import.TryAsync());
        Assert.Contains("no UTF-8", Assert.Single(import.Explained), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_of_eStargz_tells_whole_seconds()
    {
        await using var import = new TocImport(EStargzWriter.Create([new("f", '0') { Mtime = 5, Nanoseconds = 7, Data = [1] }]), Compression.Gzip);
        using var index = LayerIndex.Open(Path.Combine((await import.TryAsync())!, LayerBuilder.IndexName));
        using var entries = index.ReadEntries();
        Assert.True(entries.MoveNext());
        Assert.Equal((5L, 0u), (entries.Current.MtimeSeconds, entries.Current.MtimeNanoseconds));
    }

    [Theory]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task A_table_with_another_digest_is_not_used(Compression compression)
    {
        await using var import = new TocImport(compression == Compression.Gzip ? EStargzWriter.Create(s_entries) : ZstdChunkedWriter.Create(s_entries), compression);
        var other = Digest.Sha256("other"u8).ToString();
        import.Layer = import.Layer with { Blob = import.Layer.Blob with { Annotations = import.Layer.Blob.Annotations.ToDictionary(pair => pair.Key, pair => pair.Value.StartsWith("sha256:", StringComparison.Ordinal) ? other : pair.Value) } };
        Assert.Null(await import.TryAsync());
        Assert.Contains($"but the manifest says {other}", Assert.Single(import.Explained), StringComparison.Ordinal);
    }

    public static TheoryData<string> Headers => ["mode", "uid", "gid", "mtime", "nanoseconds", "xattrs", "path"];

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task A_header_of_the_table_for_which_nobody_vouches_is_not_served(string what)
    {
        await using var import = new TocImport(EStargzWriter.Create(s_entries, bendHeader: table => what switch
        {
            "mode" => table with { Mode = 0x800 },
            "uid" => table with { Uid = 1 },
            "gid" => table with { Gid = 1 },
            "mtime" => table with { Mtime = 1 },
            "nanoseconds" => table with { Nanoseconds = 1 },
            "xattrs" => table with { Xattrs = [("security.capability", "x")] },
            _ => table with { Path = "stargz.index.json.x" },
        }), Compression.Gzip);

        Assert.Null(await import.TryAsync());

        Assert.Contains(what == "path" ? "not the table of contents alone" : "nobody vouches", Assert.Single(import.Explained), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("absent")]
    [InlineData("damaged")]
    [InlineData("none")]
    public async Task A_table_is_used_where_the_index_blob_that_the_image_pins_cannot_be(string how)
    {
        await using var import = new TocImport(EStargzWriter.Create(s_entries), Compression.Gzip);
        var digest = how == "none" ? "no digest" : Digest.Sha256("an index blob"u8).ToString();
        if (how == "damaged") await File.WriteAllBytesAsync(import.BlobPath(Digest.Parse(digest)), new byte[100]);
        import.Layer = import.Layer with
        {
            Blob = import.Layer.Blob with
            {
                Annotations = new Dictionary<string, string>(import.Layer.Blob.Annotations) { [IndexBlobFormat.DigestAnnotation] = digest, [IndexBlobFormat.SizeAnnotation] = "100" },
            },
        };

        var folder = await import.TryAsync();

        var stored = LayerDigests.TryRead(Path.Combine(folder!, LayerBuilder.DigestsName))!;
        Assert.Equal(import.Layer.Blob.Annotations["containerd.io/snapshot/stargz/toc.digest"], stored.RemoteIndex!.ToString());
        var line = Assert.Single(import.Explained);
        Assert.EndsWith("; another index that the image has of it is used instead", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public async Task Where_neither_index_blob_nor_table_can_be_used_one_line_says_so()
    {
        await using var import = new TocImport(EStargzWriter.Create(s_entries, bend: toc => toc["version"] = 2), Compression.Gzip);
        import.Layer = import.Layer with
        {
            Blob = import.Layer.Blob with
            {
                Annotations = new Dictionary<string, string>(import.Layer.Blob.Annotations) { [IndexBlobFormat.DigestAnnotation] = "no digest", [IndexBlobFormat.SizeAnnotation] = "100" },
            },
        };

        Assert.Null(await import.TryAsync());

        var line = Assert.Single(import.Explained);
        Assert.Contains("no digest", line, StringComparison.Ordinal);
        Assert.Contains("version 2", line, StringComparison.Ordinal);
        Assert.EndsWith("; the layer is streamed instead", line, StringComparison.Ordinal);
    }
}
