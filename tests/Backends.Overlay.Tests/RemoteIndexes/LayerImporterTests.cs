using System.Globalization;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.RemoteIndexes;

public sealed class LayerImporterTests : IAsyncDisposable
{
    readonly LocalIndex _local = LocalIndex.CreateAsync(new MadeLayer(new TarWriter().File("a", "content").ToArray())).GetAwaiter().GetResult();
    readonly LayoutWriter _layout = new();
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-import").FullName;
    readonly List<string> _explained = [];
    readonly LayoutImageSource _source;

    public LayerImporterTests() => _source = new LayoutImageSource(_layout.Path);

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        _local.Dispose();
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    ImageLayer Annotated(string? digest, string? size)
    {
        var annotations = new Dictionary<string, string>();
        if (digest is not null) annotations[IndexBlobFormat.DigestAnnotation] = digest;
        if (size is not null) annotations[IndexBlobFormat.SizeAnnotation] = size;
        return _local.Layer with { Blob = _local.Layer.Blob with { Annotations = annotations } };
    }

    ImageLayer Pinned()
    {
        var blob = _local.Blob;
        return Annotated(_layout.Blob(blob).ToString(), blob.Length.ToString(CultureInfo.InvariantCulture));
    }

    ValueTask<bool> TryAsync(ImageLayer layer, RemoteIndexPolicy policy = RemoteIndexPolicy.Pinned) =>
        LayerImporter.TryImportAsync(_folder, layer, _source, policy, _explained.Add, default);

    async Task FallsBackAsync(ImageLayer layer, string why)
    {
        Assert.False(await TryAsync(layer));
        var line = Assert.Single(_explained);
        Assert.Contains(why, line, StringComparison.Ordinal);
        Assert.EndsWith("; the layer is streamed instead", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData(RemoteIndexPolicy.Pinned)]
    [InlineData(RemoteIndexPolicy.Trust)]
    public async Task A_pinned_index_makes_the_layers_folder(RemoteIndexPolicy policy)
    {
        Assert.True(await TryAsync(Pinned(), policy));

        Assert.Empty(_explained);
        using var expected = _local.Open();
        using var actual = LayerIndex.Open(Path.Combine(_folder, LayerBuilder.IndexName));
        Assert.Equal(IndexText.Of(expected), IndexText.Of(actual));
    }

    [Fact]
    public async Task Nothing_is_imported_where_policy_forbids_it_or_there_is_nothing()
    {
        Assert.False(await TryAsync(Pinned(), RemoteIndexPolicy.Never));
        Assert.False(await TryAsync(_local.Layer));
        Assert.Empty(_explained);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_blob_with_another_digest_falls_back_to_streaming()
    {
        var layer = Pinned();
        var path = _layout.BlobPath(Digest.Parse(layer.Blob.Annotations[IndexBlobFormat.DigestAnnotation]));
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        await FallsBackAsync(layer, "the copy is damaged");
    }

    [Fact]
    public async Task A_blob_that_is_not_there_falls_back_to_streaming()
    {
        var digest = Digest.Sha256("none"u8);
        await FallsBackAsync(Annotated(digest.ToString(), "100"), digest.Hex);
    }

    [Fact]
    public async Task A_blob_of_another_size_than_announced_falls_back_to_streaming() =>
        await FallsBackAsync(Annotated(_layout.Blob(_local.Blob).ToString(), "100"), "but 100 were announced");

    [Fact]
    public async Task A_blob_that_is_no_index_falls_back_to_streaming() =>
        await FallsBackAsync(Annotated(_layout.Blob("no index at all"u8).ToString(), "15"), "it is no layer index");

    [Theory]
    [InlineData("sha256:00", "100", "is none")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", null, "size is missing")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "-1", "size is missing")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "0", "it has 0 bytes")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "9223372036854775807", "it has 9223372036854775807 bytes")]
    public async Task Annotations_that_make_no_sense_fall_back_to_streaming(string digest, string? size, string why) =>
        await FallsBackAsync(Annotated(digest, size), why);

    [Fact]
    public void What_somebody_elses_index_made_counts_only_for_images_that_pin_it()
    {
        var digest = Digest.Sha256("index"u8);
        var streamed = new LayerDigests(_local.Layer.Blob.Digest, _local.Layer.Blob.Size, _local.Layer.DiffId, digest);
        var imported = streamed with { RemoteIndex = digest };
        var pinning = Annotated(digest.ToString(), "100");
        var pinningAnother = Annotated(Digest.Sha256("another"u8).ToString(), "100");
        foreach (var policy in Enum.GetValues<RemoteIndexPolicy>()) Assert.True(LayerImporter.Accepts(streamed, _local.Layer, policy));
        Assert.True(LayerImporter.Accepts(imported, pinning, RemoteIndexPolicy.Pinned));
        Assert.True(LayerImporter.Accepts(imported, _local.Layer, RemoteIndexPolicy.Trust));
        Assert.False(LayerImporter.Accepts(imported, pinning, RemoteIndexPolicy.Never));
        Assert.False(LayerImporter.Accepts(imported, _local.Layer, RemoteIndexPolicy.Pinned));
        Assert.False(LayerImporter.Accepts(imported, pinningAnother, RemoteIndexPolicy.Pinned));
    }

    [Fact]
    public void It_counts_only_for_images_that_say_the_same_of_the_layer()
    {
        var digest = Digest.Sha256("index"u8);
        var pinning = Annotated(digest.ToString(), "100");
        var imported = new LayerDigests(pinning.Blob.Digest, pinning.Blob.Size, pinning.DiffId, digest, digest);
        foreach (var policy in (RemoteIndexPolicy[])[RemoteIndexPolicy.Pinned, RemoteIndexPolicy.Trust])
        {
            Assert.True(LayerImporter.Accepts(imported, pinning, policy));
            Assert.False(LayerImporter.Accepts(imported with { DiffId = digest }, pinning, policy));
            Assert.False(LayerImporter.Accepts(imported with { Size = imported.Size + 1 }, pinning, policy));
        }
    }
}
