using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;

public sealed class IndexBlobTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    static async Task AssertSameAsync(MadeLayer made)
    {
        using var local = await LocalIndex.CreateAsync(made);
        using var expected = local.Open();
        using var actual = LayerIndex.Open(Path.Combine(local.Import(local.Blob), LayerBuilder.IndexName));
        Assert.Equal(IndexText.Of(expected), IndexText.Of(actual));
    }

    /// <summary>Of several MiB that compress to a half: spans with windows, and files over several of them.</summary>
    static MadeLayer Large(LayerForm form, int files = 30)
    {
        var tar = new TarWriter();
        for (var i = 0; i < files; i++)
        {
            var random = new Random(i);
            var data = new byte[1 + i * i * 7000];
            foreach (ref var value in data.AsSpan()) value = (byte)('a' + random.Next(16));
            tar.File($"f{i}", data);
        }

        return new MadeLayer(tar.ToArray(), form);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task What_is_imported_equals_what_was_streamed(int seed)
    {
        foreach (var layer in RandomImage.Create(seed).Layers) await AssertSameAsync(layer);
    }

    [Fact]
    public async Task So_it_does_for_every_type_dialect_and_form()
    {
        foreach (var image in ImageCorpus.All)
            foreach (var layer in image.Layers)
                await AssertSameAsync(layer);
    }

    [Theory]
    [InlineData(LayerForm.Plain)]
    [InlineData(LayerForm.Gzip)]
    [InlineData(LayerForm.Zstd)]
    public async Task So_it_does_with_many_spans_and_windows(LayerForm form) => await AssertSameAsync(Large(form));

    [Fact]
    public async Task So_it_does_with_more_entries_than_a_group_has()
    {
        var tar = new TarWriter();
        for (var i = 0; i < 2 * IndexBlobFormat.MaxGroupEntries + 5; i++) tar.Header($"d{i % 7}/n{i}", i % 3 == 0 ? '5' : '0', mtime: i % 5);
        await AssertSameAsync(new MadeLayer(tar.ToArray()));
    }

    [Fact]
    public async Task A_folder_made_from_a_blob_has_no_content_yet_and_says_where_it_comes_from()
    {
        using var local = await LocalIndex.CreateAsync(Large(LayerForm.Gzip));
        var folder = local.Import(local.Blob);

        var streamed = new FileInfo(Path.Combine(local.Folder, LayerBuilder.DataName));
        var data = await File.ReadAllBytesAsync(Path.Combine(folder, LayerBuilder.DataName));
        Assert.Equal(streamed.Length, data.Length);
        Assert.False(data.AsSpan().ContainsAnyExcept((byte)0));
        using var index = local.Open();
        var state = await File.ReadAllBytesAsync(Path.Combine(folder, LayerBuilder.StateName));
        Assert.Equal(StateFile.FileSize(index.PieceCount), state.Length);
        Assert.False(state.AsSpan(StateFile.HeaderSize).ContainsAnyExcept((byte)0));
        var digests = LayerDigests.TryRead(Path.Combine(folder, LayerBuilder.DigestsName));
        Assert.Equal((local.Layer.Blob.Digest, local.Layer.DiffId, Digest.Sha256(local.Blob)), (digests!.Blob, digests.DiffId, digests.RemoteIndex));
        Assert.Equal(LayerDigests.OfIndex(Path.Combine(folder, LayerBuilder.IndexName)), digests.Index);
        Assert.Null(LayerDigests.TryRead(Path.Combine(local.Folder, LayerBuilder.DigestsName))!.RemoteIndex);
        Assert.Equal(["data", "digests", "index.db", "state"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Any_zstd_decoder_takes_a_blob()
    {
        using var local = await LocalIndex.CreateAsync(Large(LayerForm.Gzip));
        await using var blob = FileRangeSource.Open(local.BlobPath, default);
        var size = IndexBlobHeader.Decode(local.Blob.AsMemory(0, Math.Min(local.Blob.Length, IndexBlobFormat.MaxHeaderSize)), blob.Size, out _).Sections.Sum(section => section.Size);

        var all = new byte[size];
        await SpanReader.ReadAsync(blob, Compression.Zstd, SeekPoint.Fresh(0, 0), blob.Size, all, default);

        using var index = local.Open();
        var hashes = index.ReadPieces(0, index.PieceCount).SelectMany(piece => piece.Sha256.ToArray()).ToArray();
        Assert.True(all.AsSpan().IndexOf(hashes) > 0);
    }

    [Fact]
    public async Task A_blob_of_another_layer_is_refused()
    {
        using var local = await LocalIndex.CreateAsync(Large(LayerForm.Gzip, 3));
        var layer = local.Layer;
        var other = Digest.Sha256("other"u8);
        Refused(layer with { DiffId = other }, "decompresses to");
        Refused(layer with { Blob = layer.Blob with { Digest = other } }, $"it is of layer {layer.Blob.Digest}");
        Refused(layer with { Blob = layer.Blob with { Size = layer.Blob.Size + 1 } }, "bytes, not");
        Refused(layer with { Compression = Compression.Zstd }, "Gzip, not Zstd");

        void Refused(ImageLayer wanted, string why)
        {
            var folder = Directory.CreateTempSubdirectory("vfs-index").FullName;
            var error = Assert.Throws<ImageException>(() => IndexBlob.Import(folder, wanted, other, local.BlobPath, default));
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
            Assert.Contains(other.ToString(), error.Message, StringComparison.Ordinal);
            Directory.Delete(folder, recursive: true);
        }
    }
}
