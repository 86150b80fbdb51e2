using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Oci;

public sealed class ImageResolverTests : IDisposable
{
    static readonly byte[] s_tar = new TarWriter().File("a", "b").ToArray();

    readonly LayoutWriter _layout = new();

    public void Dispose() => _layout.Dispose();

    Task<ResolvedImage> ResolveAsync(string suffix = "", Platform? platform = null) => ImageResolver.ResolveAsync(
        new LayoutImageSource(_layout.Path), ImageReference.Parse($"oci:{_layout.Path}{suffix}"), platform ?? Platform.Current, default).AsTask();

    async Task<string> RefusedAsync(string suffix = "", Platform? platform = null) =>
        (await Assert.ThrowsAsync<ImageException>(() => ResolveAsync(suffix, platform))).Message;

    string Layer() => _layout.Add(LayoutWriter.PlainLayer, s_tar);

    string Manifest(string? architecture = null, string more = "") =>
        _layout.Manifest([Layer()], [Digest.Sha256(s_tar).ToString()], architecture, more);

    string Index(params string[] manifests) => _layout.Add(
        LayoutWriter.IndexType, $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.IndexType}}","manifests":[{{string.Join(",", manifests)}}]}""");

    static string For(string architecture, string os = "linux") => $$""","platform":{"architecture":"{{architecture}}","os":"{{os}}"}""";

    static string DigestOf(string descriptor) => System.Text.Json.JsonDocument.Parse(descriptor).RootElement.GetProperty("digest").GetString()!;

    [Fact]
    public async Task A_tag_leads_to_verified_layers_and_configuration()
    {
        _layout.Image("v1", LayoutWriter.GzipLayer, LayoutWriter.Gzip, s_tar, new TarWriter().ToArray());
        _layout.Image("v2", s_tar);
        var image = await ResolveAsync(":v1");
        Assert.Equal(2, image.Layers.Count);
        Assert.Equal((Compression.Gzip, Digest.Sha256(s_tar)), (image.Layers[0].Compression, image.Layers[0].DiffId));
        Assert.Equal(Digest.Sha256(LayoutWriter.Gzip(s_tar)), image.Layers[0].Blob.Digest);
        Assert.Equal(["/bin/sh"], image.Config.Command);
        Assert.Equal(["A=b"], image.Config.Environment);
    }

    [Fact]
    public async Task Without_a_tag_the_only_image_or_latest_is_meant()
    {
        _layout.Image("v1", s_tar);
        Assert.Equal("v1", (await ResolveAsync()).Manifest.RefName);
        _layout.Image("v2", new TarWriter().ToArray());
        var message = await RefusedAsync();
        Assert.Contains("v1, v2", message, StringComparison.Ordinal);
        _layout.Image("latest", s_tar, s_tar);
        Assert.Equal("latest", (await ResolveAsync()).Manifest.RefName);
    }

    [Fact]
    public async Task What_is_called_by_a_digest_is_no_image_to_choose()
    {
        var hex = new string('a', 64);
        _layout.Image("v1", s_tar);
        _layout.Image($"sha256-{hex}.layer-index", s_tar, s_tar);
        _layout.Image($"sha256-{hex}.sig", s_tar, s_tar);
        _layout.Image($"sha256-{hex}", s_tar, s_tar);
        _layout.Tag(null, Manifest("riscv64"));
        Assert.Equal("v1", (await ResolveAsync()).Manifest.RefName);
        Assert.EndsWith("it has: v1", await RefusedAsync(":v9"), StringComparison.Ordinal);
        _layout.Image("v2", new TarWriter().ToArray());
        Assert.EndsWith("name one: v1, v2", await RefusedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_stands_for_its_images_and_not_for_what_is_said_of_them()
    {
        var (one, two) = (Manifest("riscv64", For("riscv64")), Manifest("s390x", For("s390x")));
        _layout.Tag("v1", Index(one, Index(two), Manifest("unknown", For("unknown", "unknown"))));
        var (source, reference) = (new LayoutImageSource(_layout.Path), ImageReference.Parse($"oci:{_layout.Path}:v1"));
        var images = await ImageResolver.ExpandAsync(source, reference, await source.FindAsync(reference, default), default);
        Assert.Equal([DigestOf(one), DigestOf(two)], images.Select(image => image.Digest.ToString()));
    }

    [Fact]
    public async Task What_platform_an_image_is_for_its_configuration_says_where_the_index_does_not()
    {
        var artifact = _layout.Add(
            LayoutWriter.ManifestType,
            $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.ManifestType}}","config":{{_layout.Add("application/vnd.example.signature", "{}")}},"layers":[{{_layout.Add("text/plain", "x")}}]}""");
        _layout.Tag("one", Index(Manifest("riscv64", For("riscv64")), Manifest("riscv64"), artifact, _layout.Add("application/vnd.example", "{}")));
        _layout.Tag("two", Index(Manifest("riscv64", For("riscv64")), Manifest("s390x")));

        Assert.Equal(["linux/riscv64"], await PlatformsAsync("one"));
        Assert.Equal(["linux/riscv64", "linux/s390x"], await PlatformsAsync("two"));

        async Task<IEnumerable<string?>> PlatformsAsync(string tag)
        {
            var (source, reference) = (new LayoutImageSource(_layout.Path), ImageReference.Parse($"oci:{_layout.Path}:{tag}"));
            return (await ImageResolver.PlatformsAsync(source, reference, await source.FindAsync(reference, default), default)).Select(platform => platform?.ToString());
        }
    }

    [Fact]
    public async Task A_tag_that_is_not_there_is_answered_with_those_that_are()
    {
        _layout.Image("v1", s_tar);
        Assert.Contains("it has: v1", await RefusedAsync(":v9"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/vnd.oci.image.layer.v1.tar", Compression.None)]
    [InlineData("application/vnd.oci.image.layer.v1.tar+gzip", Compression.Gzip)]
    [InlineData("application/vnd.oci.image.layer.v1.tar+zstd", Compression.Zstd)]
    [InlineData("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression.Gzip)]
    [InlineData("application/vnd.docker.image.rootfs.diff.tar.gzip", Compression.Gzip)]
    [InlineData("application/vnd.docker.image.rootfs.diff.tar.zstd", Compression.Zstd)]
    public async Task Layer_media_types_say_how_they_are_compressed(string mediaType, Compression compression)
    {
        _layout.Image("v1", mediaType, LayoutWriter.Plain, s_tar);
        Assert.Equal(compression, Assert.Single((await ResolveAsync()).Layers).Compression);
    }

    [Fact]
    public async Task Dockers_documents_are_taken_as_the_same()
    {
        var config = _layout.Add("application/vnd.docker.container.image.v1+json",
            $$$"""{"architecture":"{{{LayoutWriter.Architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.Sha256(s_tar)}}}"]}}""");
        var layer = _layout.Add("application/vnd.docker.image.rootfs.diff.tar.gzip", LayoutWriter.Gzip(s_tar));
        const string manifestType = "application/vnd.docker.distribution.manifest.v2+json";
        const string listType = "application/vnd.docker.distribution.manifest.list.v2+json";
        var manifest = _layout.Add(
            manifestType, $$"""{"schemaVersion":2,"mediaType":"{{manifestType}}","config":{{config}},"layers":[{{layer}}]}""", For(LayoutWriter.Architecture));
        _layout.Tag("v1", _layout.Add(listType, $$"""{"schemaVersion":2,"mediaType":"{{listType}}","manifests":[{{manifest}}]}"""));
        Assert.Single((await ResolveAsync()).Layers);
    }

    [Fact]
    public async Task The_platform_chooses_from_an_index()
    {
        _layout.Tag("v1", Index(
            Manifest("s390x", For("s390x")), Manifest("riscv64", For("riscv64")), Manifest(null, For(LayoutWriter.Architecture)),
            Manifest("unknown", For("unknown", "unknown"))));
        Assert.Equal(LayoutWriter.Architecture, (await ResolveAsync()).Config.Platform!.Architecture);
        Assert.Equal("riscv64", (await ResolveAsync(platform: Platform.Parse("linux/riscv64"))).Config.Platform!.Architecture);
        var message = await RefusedAsync(platform: Platform.Parse("linux/mips"));
        Assert.Contains("--platform", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Indexes_may_be_nested_but_not_without_end()
    {
        var descriptor = Index(Manifest());
        _layout.Tag("two", Index(descriptor));
        Assert.Single((await ResolveAsync(":two")).Layers);
        for (var i = 0; i < 6; i++) descriptor = Index(descriptor);
        _layout.Tag("deep", descriptor);
        Assert.Contains("nested", await RefusedAsync(":deep"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_digest_names_a_manifest_of_the_layout_or_of_an_index_in_it()
    {
        var inner = Manifest("riscv64", For("riscv64"));
        _layout.Tag("v1", Index(Manifest(null, For(LayoutWriter.Architecture)), inner));
        _layout.Image("v2", s_tar, s_tar);
        var image = await ResolveAsync("@" + DigestOf(inner), Platform.Parse("linux/riscv64"));
        Assert.Equal(DigestOf(inner), image.Manifest.Digest.ToString());
        Assert.Contains("lists no manifest", await RefusedAsync("@" + Digest.Sha256("none"u8)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_for_another_platform_is_refused_and_says_how_to_get_it()
    {
        _layout.Tag("v1", Manifest("riscv64"));
        Assert.Contains("--platform linux/riscv64", await RefusedAsync(), StringComparison.Ordinal);
        Assert.Single((await ResolveAsync(platform: Platform.Parse("linux/riscv64"))).Layers);
    }

    [Fact]
    public async Task Layers_and_diff_ids_must_be_as_many()
    {
        _layout.Tag("v1", _layout.Manifest([Layer(), Layer()], [Digest.Sha256(s_tar).ToString()]));
        Assert.Contains("2 layers, but the configuration has 1", await RefusedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_or_missing_document_is_refused_with_its_path()
    {
        var manifest = Manifest();
        _layout.Tag("v1", manifest);
        var path = _layout.BlobPath(Digest.Parse(DigestOf(manifest)));
        var json = await File.ReadAllTextAsync(path);
        await File.WriteAllTextAsync(path, json.Replace("config", "Config", StringComparison.Ordinal));
        Assert.Contains(path, await RefusedAsync(), StringComparison.Ordinal);
        await File.WriteAllTextAsync(path, json + " ");
        Assert.Contains("were announced", await RefusedAsync(), StringComparison.Ordinal);
        File.Delete(path);
        Assert.Contains(path, await RefusedAsync(), StringComparison.Ordinal);
    }

    public static TheoryData<string, string> BadManifests => new()
    {
        { """{"schemaVersion":2,"config":CONFIG,"layers":[LAYER],"manifests":[]}""", "manifests" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[LAYER],"Layers":[]}""", "'Layers'" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[LAYER],"layers":[]}""", "sound JSON" },
        { """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":CONFIG,"layers":[LAYER]}""", "media type" },
        { """{"schemaVersion":1,"config":CONFIG,"layers":[LAYER]}""", "schemaVersion" },
        { """{"config":CONFIG,"layers":[LAYER]}""", "schemaVersion" },
        { """{"schemaVersion":2,"layers":[LAYER]}""", "config" },
        { """{"schemaVersion":2,"config":CONFIG}""", "layers" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[]}""", "0 layers" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":{}}""", "Array" },
        { """{"schemaVersion":2,"config":LAYER,"layers":[LAYER]}""", "artifact" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[7]}""", "descriptor" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"m","digest":"sha256:AB","size":1}]}""", "digest" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"m","digest":"D","size":-1}]}""", "size" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"m","digest":"D","size":1.5}]}""", "size" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[{"digest":"D","size":1}]}""", "mediaType" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"application/x-squashfs","digest":"D","size":1}]}""", "squashfs" },
        { """{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"\ud800","digest":"D","size":1}]}""", "sound JSON" },
        { "[]", "object" },
        { "{", "sound JSON" },
        { "", "sound JSON" },
    };

    [Theory]
    [MemberData(nameof(BadManifests))]
    public async Task A_manifest_that_could_be_read_in_two_ways_or_in_none_is_refused(string json, string expected)
    {
        var config = _layout.Add(LayoutWriter.ConfigType, $$$"""{"rootfs":{"type":"layers","diff_ids":["{{{Digest.Sha256(s_tar)}}}"]}}""");
        _layout.Tag("v1", _layout.Add(LayoutWriter.ManifestType, json
            .Replace("CONFIG", config, StringComparison.Ordinal).Replace("LAYER", Layer(), StringComparison.Ordinal)
            .Replace("\"D\"", $"\"{Digest.Sha256(s_tar)}\"", StringComparison.Ordinal)));
        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"manifests":[],"layers":[]}""", "layers")]
    [InlineData("""{"schemaVersion":2,"manifests":[],"config":{}}""", "config")]
    [InlineData("""{"schemaVersion":2}""", "manifests")]
    [InlineData("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}""", "media type")]
    [InlineData("""{"schemaVersion":2,"manifests":[]}""", "no image")]
    public async Task An_index_that_is_not_one_is_refused(string json, string expected)
    {
        await File.WriteAllTextAsync(Path.Combine(_layout.Path, "index.json"), json);
        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"rootfs":{"type":"other","diff_ids":[]}}""", "rootfs.type")]
    [InlineData("""{"rootfs":{"type":"layers","diff_ids":["md5:1"]}}""", "diff_ids[0]")]
    [InlineData("""{"rootfs":{"type":"layers","diff_ids":[5]}}""", "diff_ids")]
    [InlineData("""{"os":"linux"}""", "rootfs")]
    public async Task A_configuration_that_names_no_layers_is_refused(string json, string expected)
    {
        var config = _layout.Add(LayoutWriter.ConfigType, json);
        _layout.Tag("v1", _layout.Add(LayoutWriter.ManifestType, $$"""{"schemaVersion":2,"config":{{config}},"layers":[{{Layer()}}]}"""));
        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Documents_are_bounded()
    {
        _layout.Tag("v1", _layout.Add(LayoutWriter.ManifestType, new string(' ', (4 << 20) + 1)));
        Assert.Contains("4194305 bytes", await RefusedAsync(), StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(_layout.Path, "index.json"), new string(' ', (4 << 20) + 1));
        Assert.Contains("4194305 bytes", await RefusedAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"manifests":[X""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"X","digest":"D","size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"X","size":1}]}""")]
    public async Task A_refusal_does_not_quote_a_document_at_length(string json)
    {
        await File.WriteAllTextAsync(Path.Combine(_layout.Path, "index.json"), json.Replace("X", new string('x', 100_000), StringComparison.Ordinal));
        Assert.InRange((await RefusedAsync()).Length, 20, 1000);
    }

    [Fact]
    public async Task What_is_no_layout_is_called_so()
    {
        _layout.Image("v1", s_tar);
        Assert.Contains("there is no OCI layout", (await Assert.ThrowsAsync<ImageException>(() => ImageResolver.ResolveAsync(
            new LayoutImageSource("/does/not/exist"), ImageReference.Parse("oci:/does/not/exist"), Platform.Current, default).AsTask())).Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(_layout.Path, "oci-layout"), """{"imageLayoutVersion":"2.0.0"}""");
        Assert.Contains("layout version 2.0.0", await RefusedAsync(), StringComparison.Ordinal);
        File.Delete(Path.Combine(_layout.Path, "oci-layout"));
        Assert.Contains("there is no OCI layout", await RefusedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Noise_in_documents_never_gives_anything_but_a_refusal()
    {
        var descriptor = Manifest();
        _layout.Tag("v1", descriptor);
        var sound = await File.ReadAllBytesAsync(_layout.BlobPath(Digest.Parse(DigestOf(descriptor))));
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var noisy = (byte[])sound.Clone();
            for (var i = random.Next(1, 4); i > 0; i--) noisy[random.Next(noisy.Length)] = (byte)random.Next(256);
            try
            {
                ImageDocuments.ReadManifest("noisy", LayoutWriter.ManifestType, noisy);
            }
            catch (ImageException)
            {
            }
        }
    }
}
