using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Commands;

/// <summary>What <c>image index --push</c> calls what it makes, and how <c>image ls</c> shows it.</summary>
public sealed class ImageIndexCommandTests : IDisposable
{
    readonly LayoutWriter _layout = new();
    readonly TemporaryDirectory _directory = new();

    public void Dispose()
    {
        _layout.Dispose();
        _directory.Dispose();
    }

    string Image => $"oci:{_layout.Path}";

    (int ExitCode, string Output, string Error) Push(string reference, params string[] more) =>
        Daemon.Run(["image", "index", "--push", "--store", _directory["store"], .. more, reference]);

    /// <summary>The first two columns.</summary>
    static List<(string Tag, string Platform)> List(string reference) =>
        [.. Daemon.Run("image", "ls", reference).Output.TrimEnd('\n').Split('\n').Skip(1)
            .Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(row => (row[0], row[1]))];

    List<string> Tags() => [.. List(Image).Select(row => row.Tag).Where(tag => !tag.StartsWith("sha256-", StringComparison.Ordinal))];

    string Manifest(string architecture) =>
        Manifest(architecture, architecture, $$""","platform":{"architecture":"{{architecture}}","os":"linux"}""");

    string Manifest(string architecture, string content, string more)
    {
        var tar = new TarWriter().File("a", content).ToArray();
        return _layout.Manifest(
            [_layout.Add(LayoutWriter.GzipLayer, LayoutWriter.Gzip(tar))], [Digest.Sha256(tar).ToString()], architecture, more);
    }

    void TagIndex(string tag, params string[] architectures) => _layout.Tag(tag, _layout.Add(
        LayoutWriter.IndexType, $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.IndexType}}","manifests":[{{string.Join(',', architectures.Select(Manifest))}}]}"""));

    [Fact]
    public void Without_a_tag_it_is_the_tag_of_the_image_that_is_there()
    {
        _layout.Image("m", new TarWriter().File("a", "1").ToArray());
        var (code, output, error) = Push(Image);
        Assert.True(code == 0, error);
        Assert.Contains($"{Image}:m-indexed sha256:", output, StringComparison.Ordinal);
        Assert.Equal(["m", "m-indexed"], Tags());
    }

    [Fact]
    public void Of_several_platforms_each_has_a_tag_of_its_own()
    {
        TagIndex("m", "riscv64", "s390x");
        Assert.Equal([("m", "linux/riscv64"), ("m", "linux/s390x")], List($"{Image}:m"));
        foreach (var architecture in new[] { "riscv64", "s390x" })
            Assert.Equal(0, Push($"{Image}:m", "--platform", $"linux/{architecture}").ExitCode);
        Assert.Equal(["m", "m", "m-riscv64-indexed", "m-s390x-indexed"], Tags());
    }

    [Fact]
    public void An_index_of_one_platform_alone_is_no_choice()
    {
        TagIndex("m", LayoutWriter.Architecture);
        Assert.Equal(0, Push($"{Image}:m").ExitCode);
        Assert.Equal(["m", "m-indexed"], Tags());
    }

    [Fact]
    public void An_image_beside_it_that_says_its_platform_in_its_configuration_alone_is_none_of_another_platform()
    {
        var beside = Manifest(LayoutWriter.Architecture, "b", "");
        _layout.Tag("m", _layout.Add(LayoutWriter.IndexType, $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.IndexType}}","manifests":[{{Manifest(LayoutWriter.Architecture)}},{{beside}}]}"""));
        Assert.Equal(0, Push($"{Image}:m").ExitCode);
        Assert.Contains("m-indexed", Tags());
    }

    [Fact]
    public void What_is_indexed_already_keeps_its_tag()
    {
        _layout.Image("m", new TarWriter().File("a", "1").ToArray());
        var first = Push($"{Image}:m").Output;
        var (code, output, error) = Push($"{Image}:m-indexed");
        Assert.Equal(0, code);
        Assert.Contains("indexed already", error, StringComparison.Ordinal);
        Assert.Equal(first, output);
        Assert.Equal(["m", "m-indexed"], Tags());
    }

    [Fact]
    public void The_tag_of_the_image_itself_is_refused()
    {
        _layout.Image("m", new TarWriter().File("a", "1").ToArray());
        foreach (var reference in new[] { Image, $"{Image}:m" })
        {
            var (code, _, error) = Push(reference, "--tag", "m");
            Assert.Equal(1, code);
            Assert.Contains("would be taken from it", error, StringComparison.Ordinal);
        }
        Assert.Equal(["m"], Tags());
    }
}
