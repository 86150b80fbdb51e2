using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.Backends.Overlay.Transfer;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Transfer;

public sealed class ImagePushTests(ObjectStoreFixture store) : IClassFixture<ObjectStoreFixture>, IDisposable
{
    readonly LayoutWriter _layout = new();
    readonly TemporaryDirectory _directory = new();
    readonly AwsProfile _profile = new();
    readonly Blobs _seen = new();

    public void Dispose()
    {
        _layout.Dispose();
        _directory.Dispose();
        _profile.Dispose();
    }

    [Fact]
    public async Task A_registry_that_cannot_be_reached_is_told_of_once_and_is_all_that_the_error_names()
    {
        _layout.Image("v1", Tar("a", 10), Tar("b", 20));
        var (from, to) = (ImageReference.Parse($"oci:{_layout.Path}:v1"), ImageReference.Parse("docker://127.0.0.1:1/some/where:v1"));
        var (options, told) = (new RemoteOptions { Timeout = TimeSpan.FromMilliseconds(300) }, new List<string>());
        await using var source = ImageSources.Open(from, options);
        await using var target = ImageSources.Open(to, options, new RemoteEndpoints(options: new() { Warned = told.Add }));

        var error = await Assert.ThrowsAsync<SourceException>(() => new ImagePush(source, target, null).RunAsync(from, null, to, default));

        Assert.StartsWith("cannot reach http://127.0.0.1:1: ", error.Message, StringComparison.Ordinal);
        Assert.StartsWith("cannot reach http://127.0.0.1:1: ", Assert.Single(told), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("oci:{dir}/target:ta g", "no image called 'ta g'")]
    [InlineData("docker://registry.invalid/ok:ta g", "no tag 'ta g'")]
    public async Task What_cannot_be_a_tag_is_refused_before_anything_is_sent(string target, string says)
    {
        _layout.Image("v1", Tar("a", 10));
        var error = await Assert.ThrowsAsync<ImageException>(() => PushAsync($"oci:{_layout.Path}:v1", target.Replace("{dir}", _directory.Path, StringComparison.Ordinal), new RemoteOptions()));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["target"]));
    }

    [Fact]
    public async Task A_place_where_no_directory_can_be_made_is_named()
    {
        _layout.Image("v1", Tar("a", 10));
        var error = await Assert.ThrowsAsync<SourceException>(() => PushAsync($"oci:{_layout.Path}:v1", "oci:/proc/absent", new RemoteOptions()));
        Assert.EndsWith("no directory can be made at /proc/absent", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layout_whose_index_is_broken_is_refused_before_anything_is_sent()
    {
        _layout.Image("v1", Tar("a", 10));
        Directory.CreateDirectory(_directory["target"]);
        await File.WriteAllTextAsync(Path.Combine(_directory["target"], "index.json"), "{");
        var error = await Assert.ThrowsAsync<ImageException>(() => PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["target"]}:v1", new RemoteOptions()));
        Assert.Contains("index.json is not sound", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_directory["target"], "blobs")));
    }

    [RealServerFact]
    public async Task An_image_comes_back_from_a_bucket_byte_by_byte()
    {
        _layout.Image("v1", Tar("a", 10), Tar("b", 20 << 20));
        var bucket = $"s3://{await store.CreateBucketAsync()}/images/web";
        var options = await OptionsAsync();

        var there = await PushAsync($"oci:{_layout.Path}:v1", bucket, options);
        var back = await PushAsync($"{bucket}:v1", $"oci:{_directory["back"]}", options);

        Assert.Equal(("v1", "v1", there.Digest), (there.Tag, back.Tag, back.Digest));
        foreach (var file in Directory.GetFiles(Path.Combine(_layout.Path, "blobs/sha256")))
            Assert.Equal(await File.ReadAllBytesAsync(file), await File.ReadAllBytesAsync(Path.Combine(_directory["back"], "blobs/sha256", Path.GetFileName(file))));
        Assert.Equal("v1", Assert.Single(await ImagePlaces.ListAsync($"oci:{_directory["back"]}")).RefName);
    }

    [RealServerFact]
    public async Task An_image_goes_through_a_bucket_and_a_registry_and_comes_back_the_same()
    {
        _layout.Tag("v1", Index(Manifest("amd64"), Manifest("arm64")));
        await using var registry = await RegistryServer.StartAsync();
        var options = await OptionsAsync() with { Registry = new RegistryOptions { PlainHttp = true } };
        var places = new[] { $"oci:{_layout.Path}:v1", $"s3://{await store.CreateBucketAsync()}/web:v1", $"docker://{registry.Host}/web:v1", $"oci:{_directory["back"]}:v1" };

        foreach (var (from, to) in places.Zip(places.Skip(1))) await PushAsync(from, to, options);

        var blobs = Directory.GetFiles(Path.Combine(_layout.Path, "blobs/sha256"));
        Assert.Equal(7, blobs.Length);
        foreach (var file in blobs)
            Assert.Equal(await File.ReadAllBytesAsync(file), await File.ReadAllBytesAsync(Path.Combine(_directory["back"], "blobs/sha256", Path.GetFileName(file))));
    }

    [RealServerFact]
    public async Task Blobs_that_a_bucket_has_are_not_sent_again()
    {
        var shared = Tar("shared", 20 << 20);
        _layout.Image("v1", shared);
        _layout.Image("v2", shared, Tar("more", 10));
        var bucket = $"s3://{await store.CreateBucketAsync()}/web";
        var options = await OptionsAsync();
        await PushAsync($"oci:{_layout.Path}:v1", bucket, options);

        var second = await PushAsync($"oci:{_layout.Path}:v2", bucket, options);

        Assert.Equal((2, 1), (second.BlobsSent, second.BlobsPresent));
        Assert.Equal(["v1", "v2"], (await ImagePlaces.ListAsync(bucket, options)).Select(manifest => manifest.RefName).Order());
    }

    [RealServerFact]
    public async Task What_is_removed_from_a_bucket_takes_with_it_what_nothing_else_needs()
    {
        var shared = Tar("shared", 100);
        _layout.Image("v1", shared, Tar("own", 10));
        _layout.Image("v2", shared);
        var bucket = $"s3://{await store.CreateBucketAsync()}/web";
        var options = await OptionsAsync();
        await PushAsync($"oci:{_layout.Path}:v1", bucket, options);
        await PushAsync($"oci:{_layout.Path}:v2", bucket, options);

        await ImagePlaces.RemoveAsync($"{bucket}:v1", options);

        using var client = (await store.ServerAsync()).CreateClient();
        var keys = (await client.ListObjectsV2Async(new() { BucketName = bucket.Split('/')[2] })).S3Objects.Select(key => key.Key).ToList();
        // The index, the mark of a layout, and of the other image manifest, configuration and layer.
        Assert.Equal(5, keys.Count);
        Assert.Equal(0, (await PushAsync($"{bucket}:v2", $"oci:{_directory["back"]}", options)).BlobsPresent);
    }

    [Fact]
    public async Task All_platforms_are_pushed_unless_one_is_named()
    {
        var index = Index(Manifest("amd64"), Manifest("arm64"));
        _layout.Tag("v1", index);

        var all = await PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["all"]}");
        var one = await PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["one"]}", platform: new Platform("linux", "arm64", null));

        Assert.Equal((3, 1), (all.Manifests, one.Manifests));
        Assert.Contains(all.Digest.ToString(), index, StringComparison.Ordinal);
        // What the index lists is not listed beside it.
        Assert.Equal(all.Digest, Assert.Single(await ImagePlaces.ListAsync($"oci:{_directory["all"]}")).Digest);
    }

    [Fact]
    public async Task Several_manifests_of_one_name_become_an_index()
    {
        foreach (var architecture in new[] { "amd64", "arm64" }) _layout.Tag("v1", Manifest(architecture));

        var result = await PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["to"]}:v2");

        var listed = Assert.Single(await ImagePlaces.ListAsync($"oci:{_directory["to"]}"));
        Assert.Equal((MediaTypes.Index, "v2", result.Digest), (listed.MediaType, listed.RefName, listed.Digest));
        await using var target = ImageSources.Open(Reference($"oci:{_directory["to"]}"), new RemoteOptions());
        Assert.Equal("arm64", (await ImageResolver.ResolveAsync(target, Reference($"oci:{_directory["to"]}:v2"), new Platform("linux", "arm64", null), default)).Config.Platform!.Architecture);
    }

    [Fact]
    public async Task A_damaged_blob_is_named_and_gets_no_further()
    {
        _layout.Image("v1", Tar("a", 100));
        var layer = (await LayersAsync("v1"))[0];
        var path = _layout.BlobPath(layer.Digest);
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);

        var failure = await Assert.ThrowsAsync<SourceException>(() => PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["to"]}"));

        Assert.Contains(layer.Digest.ToString(), failure.Message, StringComparison.Ordinal);
        Assert.Contains("damaged", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_directory["to"], "blobs/sha256", layer.Digest.Hex)));
        Assert.False(File.Exists(Path.Combine(_directory["to"], "index.json")));
    }

    [Fact]
    public async Task A_layer_that_is_said_to_have_no_bytes_replaces_none_that_has_some()
    {
        _layout.Image("v1", Tar("a", 100));
        var to = $"oci:{_directory["to"]}";
        await PushAsync($"oci:{_layout.Path}:v1", to);
        var layer = (await LayersAsync("v1"))[0];
        await using var target = ImageSources.Open(Reference(to), new RemoteOptions());
        await using var nothing = new BytesSource("nothing", ReadOnlyMemory<byte>.Empty, default);

        await Assert.ThrowsAsync<SourceException>(async () => await target.PushBlobAsync(layer with { Size = 0 }, nothing, null, default));

        Assert.True(await target.HasBlobAsync(layer, default));
    }

    [Fact]
    public async Task A_tag_moves_and_the_image_that_had_it_stays_without_a_name()
    {
        _layout.Image("v1", Tar("a", 100));
        _layout.Image("v2", Tar("b", 100));
        var first = await PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["to"]}:web");

        var second = await PushAsync($"oci:{_layout.Path}:v2", $"oci:{_directory["to"]}:web");

        Assert.Equal(
            [(first.Digest, null), (second.Digest, "web")],
            (await ImagePlaces.ListAsync($"oci:{_directory["to"]}")).Select(manifest => (manifest.Digest, manifest.RefName)));
        await ImagePlaces.RemoveAsync($"oci:{_directory["to"]}@{first.Digest}");
        Assert.Equal(second.Digest, Assert.Single(await ImagePlaces.ListAsync($"oci:{_directory["to"]}")).Digest);
        Assert.Equal(3, Directory.GetFiles(Path.Combine(_directory["to"], "blobs/sha256")).Length);
    }

    [Fact]
    public async Task What_is_removed_leaves_the_parts_of_another_images_index()
    {
        var shared = Manifest("arm64");
        _layout.Tag("v1", Index(Manifest("amd64"), shared));
        _layout.Tag("v2", Index(Manifest("riscv64"), shared));
        var to = $"oci:{_directory["to"]}";
        foreach (var tag in new[] { "v1", "v2" }) await PushAsync($"oci:{_layout.Path}:{tag}", $"{to}:{tag}");

        await ImagePlaces.RemoveAsync($"{to}:v1");

        // An index, two manifests, and of each a configuration and a layer.
        Assert.Equal(7, Directory.GetFiles(Path.Combine(_directory["to"], "blobs/sha256")).Length);
        Assert.Equal(3, (await PushAsync($"{to}:v2", $"oci:{_directory["back"]}")).Manifests);
    }

    [Fact]
    public async Task What_is_removed_by_its_own_name_stays_where_an_index_has_it()
    {
        var shared = Manifest("arm64");
        _layout.Tag("all", Index(Manifest("amd64"), shared));
        _layout.Tag("one", shared);
        var to = $"oci:{_directory["to"]}";
        foreach (var tag in new[] { "one", "all" }) await PushAsync($"oci:{_layout.Path}:{tag}", $"{to}:{tag}");

        await ImagePlaces.RemoveAsync($"{to}:one");

        Assert.Equal("all", Assert.Single(await ImagePlaces.ListAsync(to)).RefName);
        Assert.Equal(3, (await PushAsync($"{to}:all", $"oci:{_directory["back"]}")).Manifests);
    }

    [Fact]
    public async Task Images_that_are_pushed_at_the_same_time_are_all_there()
    {
        var tags = Enumerable.Range(0, 8).Select(i => $"v{i}").ToList();
        foreach (var tag in tags) _layout.Image(tag, Tar(tag, 100));

        await Task.WhenAll(tags.Select(tag => Task.Run(() => PushAsync($"oci:{_layout.Path}:{tag}", $"oci:{_directory["to"]}"))));

        Assert.Equal(tags, (await ImagePlaces.ListAsync($"oci:{_directory["to"]}")).Select(manifest => manifest.RefName!).Order());
    }

    [Fact]
    public async Task What_other_tools_wrote_into_the_index_stays()
    {
        _layout.Image("v1", Tar("a", 100));
        var file = Path.Combine(_layout.Path, "index.json");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("\"schemaVersion\":2", "\"schemaVersion\":2,\"annotations\":{\"x\":\"y\"}", StringComparison.Ordinal));

        await PushAsync($"oci:{_layout.Path}:v1", $"oci:{_layout.Path}:v2");

        Assert.Contains("\"annotations\":{\"x\":\"y\"}", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.Equal(["v1", "v2"], (await ImagePlaces.ListAsync($"oci:{_layout.Path}")).Select(manifest => manifest.RefName));
    }

    [Fact]
    public async Task Each_blob_is_reported_from_waiting_to_sent()
    {
        _layout.Image("v1", Tar("a", 1 << 20));
        await PushAsync($"oci:{_layout.Path}:v1", $"oci:{_directory["to"]}");

        foreach (var states in _seen.ByBlob)
        {
            Assert.Equal(BlobState.Waiting, states[0].State);
            Assert.Equal((BlobState.Sent, states[0].Blob.Size), (states[^1].State, states[^1].Bytes));
        }

        Assert.Equal(2, _seen.ByBlob.Count);
    }

    static ImageReference Reference(string text) => ImageReference.Parse(text);

    /// <summary>Of content that gzip cannot make smaller.</summary>
    static byte[] Tar(string name, int size) => new TarWriter().File(name, RandomNumberGenerator.GetBytes(size)).ToArray();

    string Manifest(string architecture)
    {
        var tar = Tar(architecture, 100);
        return _layout.Manifest(
            [_layout.Add(LayoutWriter.PlainLayer, tar)], [Digest.Sha256(tar).ToString()], architecture,
            $$""","platform":{"architecture":"{{architecture}}","os":"linux"}""");
    }

    string Index(params string[] manifests) => _layout.Add(
        LayoutWriter.IndexType, $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.IndexType}}","manifests":[{{string.Join(",", manifests)}}]}""");

    async Task<RemoteOptions> OptionsAsync() => new()
    {
        S3 = new S3Options { Endpoint = (await store.ServerAsync()).Endpoint.ToString(), Profile = _profile.Name, UploadNotes = _directory["uploads"] },
    };

    Task<PushResult> PushAsync(string from, string to, RemoteOptions? options = null, Platform? platform = null) =>
        ImagePlaces.PushAsync(from, to, options, platform, _seen);

    async Task<IReadOnlyList<Descriptor>> LayersAsync(string tag)
    {
        await using var source = ImageSources.Open(Reference($"oci:{_layout.Path}"), new RemoteOptions());
        return [.. (await ImageResolver.ResolveAsync(source, Reference($"oci:{_layout.Path}:{tag}"), Platform.Current, default)).Layers.Select(layer => layer.Blob)];
    }
}
