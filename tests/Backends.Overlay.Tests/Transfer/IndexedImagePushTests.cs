using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Transfer;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Transfer;

/// <summary>Images with indexes beside them, and the manifests that keep these.</summary>
public sealed class IndexedImagePushTests : IDisposable
{
    readonly LayoutWriter _layout = new();
    readonly TemporaryDirectory _directory = new();

    public void Dispose()
    {
        _layout.Dispose();
        _directory.Dispose();
    }

    string Here => $"oci:{_layout.Path}";

    string There => $"oci:{_directory["there"]}";

    [Fact]
    public async Task What_keeps_the_index_blobs_goes_with_the_image()
    {
        var indexed = await IndexAsync();

        await ImagePlaces.PushAsync($"{Here}:v1-indexed", There);

        var listed = await ImagePlaces.ListAsync(There);
        Assert.Equal([IndexBlobFormat.ArtifactTag(indexed.Manifest.Digest), "v1-indexed"], listed.Select(manifest => manifest.RefName));
        Assert.Equal(indexed.Artifact.Digest, listed[0].Digest);
        // Whoever does not say which image is meant does not mean that one.
        await using var place = ImageSources.Open(Reference(There), new RemoteOptions());
        Assert.Equal(indexed.Manifest.Digest, Assert.Single(await place.FindAsync(Reference(There), default)).Digest);
    }

    [Fact]
    public async Task An_image_that_lost_an_index_blob_is_pushed_with_those_that_are_left()
    {
        var indexed = await IndexAsync();
        File.Delete(_layout.BlobPath(indexed.Indexes[0].Blob.Digest));

        await ImagePlaces.PushAsync($"{Here}:v1-indexed", There);

        var artifact = (await ImagePlaces.ListAsync(There)).First(manifest => IndexBlobFormat.IsArtifactTag(manifest.RefName!));
        await using var place = ImageSources.Open(Reference(There), new RemoteOptions());
        var read = await ImageArtifact.TryReadAsync(place, artifact, default);
        Assert.Equal(new ImageArtifact(IndexBlobFormat.ArtifactType, indexed.Manifest.Digest, 1, indexed.Indexes[1].Blob.Size), read);
    }

    [Fact]
    public async Task The_last_name_of_an_indexed_image_takes_its_indexes_with_it()
    {
        await IndexAsync();
        await ImagePlaces.PushAsync($"{Here}:v1-indexed", There);
        await ImagePlaces.PushAsync($"{Here}:v1-indexed", $"{There}:other");

        await ImagePlaces.RemoveAsync($"{There}:v1-indexed");
        Assert.Equal(2, (await ImagePlaces.ListAsync(There)).Count);
        await ImagePlaces.RemoveAsync($"{There}:other");

        Assert.Empty(await ImagePlaces.ListAsync(There));
        Assert.Empty(Directory.GetFiles(Path.Combine(_directory["there"], "blobs/sha256")));
    }

    [RealServerFact]
    public async Task A_registry_gets_what_keeps_the_index_blobs_and_loses_it_with_the_image()
    {
        var indexed = await IndexAsync();
        await using var registry = await RegistryServer.StartAsync();
        var options = new RemoteOptions { Registry = new RegistryOptions { PlainHttp = true } };
        var there = $"docker://{registry.Host}/web";

        await ImagePlaces.PushAsync($"{Here}:v1-indexed", there, options);
        Assert.Equal(
            [(IndexBlobFormat.ArtifactTag(indexed.Manifest.Digest), indexed.Artifact.Digest), ("v1-indexed", indexed.Manifest.Digest)],
            (await ImagePlaces.ListAsync(there, options)).Select(manifest => (manifest.RefName!, manifest.Digest)).Order());
        await ImagePlaces.RemoveAsync($"{there}:v1-indexed", options);

        Assert.Empty(await ImagePlaces.ListAsync(there, options));
    }

    [Theory]
    [InlineData("sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.layer-index", true)]
    [InlineData("sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg.layer-index", false)]
    [InlineData("sha256-0123456789abcdef.layer-index", false)]
    [InlineData("v1.layer-index", false)]
    [InlineData("v1-indexed", false)]
    [InlineData("", false)]
    public void Tags_of_what_keeps_index_blobs_are_known(string tag, bool expected) => Assert.Equal(expected, IndexBlobFormat.IsArtifactTag(tag));

    [Fact]
    public void Every_digest_makes_a_tag_that_registries_take()
    {
        foreach (var algorithm in new[] { ("sha256", 32), ("sha512", 64) })
        {
            var tag = IndexBlobFormat.ArtifactTag(Digest.FromHash(algorithm.Item1, new byte[algorithm.Item2]));
            Assert.True(IndexBlobFormat.IsArtifactTag(tag));
            Assert.InRange(tag.Length, 1, 128);
        }
    }

    static ImageReference Reference(string text) => ImageReference.Parse(text);

    async Task<IndexedImage> IndexAsync()
    {
        _layout.Image("v1", new TarWriter().File("a", "1").ToArray(), new TarWriter().File("b", "2").ToArray());
        var reference = Reference($"{Here}:v1");
        var store = StoreDirectory.Open(_directory["store"]);
        await using var keeper = new LocalKeeper(store);
        await using var place = ImageSources.Open(reference, new RemoteOptions());
        var image = await LocalKeeper.ResolveAsync(place, new ImageRequest(reference, Platform.Current), default);
        await keeper.EnsureLayersAsync(image, place, RemoteIndexPolicy.Never, null, default);
        return await new ImageIndexer(store).PushAsync(image, place, "v1" + ImageIndexer.TagSuffix, null, default);
    }
}
