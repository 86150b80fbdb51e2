using System.Globalization;
using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Check;
using VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.RemoteIndexes;

public sealed class ImageIndexerTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-store").FullName;
    readonly LayoutWriter _layout = new();
    readonly LayoutTarget _target;
    readonly StoreDirectory _store;

    public ImageIndexerTests()
    {
        _target = new LayoutTarget(_layout);
        _store = StoreDirectory.Open(_folder);
    }

    public async ValueTask DisposeAsync()
    {
        await _target.DisposeAsync();
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    ImageReference Reference(string tag) => ImageReference.Parse($"oci:{_layout.Path}:{tag}");

    async Task<IndexedImage> IndexAsync(string tag = "v1")
    {
        await using var keeper = new LocalKeeper(_store);
        var image = await LocalKeeper.ResolveAsync(_target, new ImageRequest(Reference(tag), Platform.Current), default);
        await keeper.EnsureLayersAsync(image, _target, RemoteIndexPolicy.Never, null, default);
        return await new ImageIndexer(_store).PushAsync(image, _target, tag + ImageIndexer.TagSuffix, null, default);
    }

    JsonElement Document(Digest digest) => JsonDocument.Parse(File.ReadAllBytes(_layout.BlobPath(digest))).RootElement;

    [Fact]
    public async Task The_derived_image_pins_the_indexes_that_make_its_layers_folders()
    {
        RandomImage.Create(1).AddTo(_layout);
        var tag = RandomImage.Create(1).Name;
        await IndexAsync(tag);

        var image = await ImageResolver.ResolveAsync(_target, Reference(tag + "-indexed"), Platform.Current, default);

        foreach (var layer in image.Layers)
        {
            var folder = Directory.CreateTempSubdirectory("vfs-import").FullName;
            Assert.True(await LayerImporter.TryImportAsync(folder, layer, _target, RemoteIndexPolicy.Pinned, Assert.Fail, default));
            using var streamed = _store.OpenLayerIndex(layer.Blob.Digest);
            using var imported = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName));
            Assert.Equal(IndexText.Of(streamed), IndexText.Of(imported));
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task All_but_the_layers_annotations_is_as_it_was_and_in_its_order()
    {
        var tar = new TarWriter().File("a", "1").ToArray();
        var config = _layout.Add(LayoutWriter.ConfigType, $$$"""{"architecture":"{{{LayoutWriter.Architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.Sha256(tar)}}}"]}}""");
        var layer = _layout.Add(LayoutWriter.GzipLayer, LayoutWriter.Gzip(tar), ""","urls":["http://ä.example/"],"annotations":{"x":"ä<","io.virtiofs-store.layer-index.digest":"old"},"z":1.50""");
        var before = $$$"""{"z":{"b":1e2},"schemaVersion":2,"layers":[{{{layer}}}],"config":{{{config}}},"mediaType":"{{{LayoutWriter.ManifestType}}}","annotations":{"k":"v"}}""";
        _layout.Tag("v1", _layout.Add(LayoutWriter.ManifestType, before));

        var indexed = await IndexAsync();

        var index = Assert.Single(indexed.Indexes).Blob;
        var after = Encoding.UTF8.GetString(File.ReadAllBytes(_layout.BlobPath(indexed.Manifest.Digest)));
        Assert.Equal(before.Replace(
            "\"x\":\"ä<\",\"io.virtiofs-store.layer-index.digest\":\"old\"",
            $"\"x\":\"ä<\",\"{IndexBlobFormat.DigestAnnotation}\":\"{index.Digest}\",\"{IndexBlobFormat.SizeAnnotation}\":\"{index.Size.ToString(CultureInfo.InvariantCulture)}\"", StringComparison.Ordinal), after);
    }

    [Fact]
    public async Task A_manifest_under_a_tag_of_its_own_refers_to_every_index_blob_once()
    {
        var tar = new TarWriter().File("a", "1").ToArray();
        _layout.Image("v1", tar, tar, new TarWriter().File("b", "2").ToArray());

        var indexed = await IndexAsync();

        var artifact = Document(indexed.Artifact.Digest);
        Assert.Equal(IndexBlobFormat.ArtifactType, artifact.GetProperty("artifactType").GetString());
        Assert.Equal(indexed.Manifest.Digest.ToString(), artifact.GetProperty("subject").GetProperty("digest").GetString());
        var kept = artifact.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("digest").GetString()!).ToList();
        Assert.Equal(indexed.Indexes.Select(index => index.Blob.Digest.ToString()).Distinct(), kept);
        Assert.Equal(2, kept.Count);
        Assert.True(File.Exists(_layout.BlobPath(Digest.Parse(artifact.GetProperty("config").GetProperty("digest").GetString()!))));
        Assert.Contains(await _target.ListAsync(default), manifest => manifest.RefName == IndexBlobFormat.ArtifactTag(indexed.Manifest.Digest) && manifest.Digest == indexed.Artifact.Digest);
    }

    [Fact]
    public async Task The_tag_comes_last_and_what_is_there_is_not_pushed_again()
    {
        _layout.Image("v1", new TarWriter().File("a", "1").ToArray());
        await IndexAsync();
        var first = _target.Pushed.ToList();
        _target.Pushed.Clear();
        await IndexAsync();

        Assert.Equal(4, first.Count);
        Assert.Equal("v1-indexed", first[^1]);
        Assert.EndsWith(".layer-index", first[^2], StringComparison.Ordinal);
        Assert.Equal(first[^2..], _target.Pushed);
    }

    [RealToolFact]
    public async Task Other_tools_copy_and_unpack_the_derived_image()
    {
        _layout.Image("v1", new TarWriter().File("a", "content").ToArray(), new TarWriter().File("b", "more").ToArray());
        await IndexAsync();
        var copy = Path.Combine(_folder, "copy");
        var bundle = Path.Combine(_folder, "bundle");
        Directory.CreateDirectory(copy);

        var copied = await ExternalTool.RunAsync(RealParts.Skopeo, ["--insecure-policy", "copy", $"oci:{_layout.Path}:v1-indexed", $"oci:{copy}/layout:v2"], _folder, default);
        Assert.True(copied.ExitCode == 0, copied.Errors);
        var unpacked = await ExternalTool.RunAsync(RealParts.Umoci, ["unpack", "--image", $"{copy}/layout:v2", bundle], _folder, default);
        Assert.True(unpacked.ExitCode == 0, unpacked.Errors);

        Assert.Equal("content", await File.ReadAllTextAsync(Path.Combine(bundle, "rootfs", "a")));
        Assert.Equal("more", await File.ReadAllTextAsync(Path.Combine(bundle, "rootfs", "b")));
        // The copy is the same document: it pins the indexes, which have not come along.
        await using var source = new LayoutImageSource(Path.Combine(copy, "layout"));
        var image = await ImageResolver.ResolveAsync(source, ImageReference.Parse($"oci:{copy}/layout:v2"), Platform.Current, default);
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "import")).FullName;
        var explained = new List<string>();
        Assert.False(await LayerImporter.TryImportAsync(folder, image.Layers[0], source, RemoteIndexPolicy.Pinned, explained.Add, default));
        Assert.EndsWith("; the layer is streamed instead", Assert.Single(explained), StringComparison.Ordinal);
    }
}
