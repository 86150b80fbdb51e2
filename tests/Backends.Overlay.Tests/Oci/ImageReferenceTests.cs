using VirtioFsStore.Backends.Overlay.Oci;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Oci;

public sealed class ImageReferenceTests
{
    const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("oci:/images/a", "/images/a", null)]
    [InlineData("oci:a", "a", null)]
    [InlineData("oci:/images/a:v1", "/images/a", "v1")]
    [InlineData("oci:/images:5000/a", "/images:5000/a", null)]
    [InlineData("oci:/images:5000/a:latest", "/images:5000/a", "latest")]
    [InlineData("oci:/user@host/a:v1", "/user@host/a", "v1")]
    public void Path_and_tag_are_told_apart(string text, string path, string? tag)
    {
        var reference = ImageReference.Parse(text);
        Assert.Equal((path, tag, null), (reference.Path, reference.Tag, reference.Digest));
        Assert.Equal(text, reference.ToString());
    }

    [Fact]
    public void A_digest_pins_a_manifest()
    {
        var reference = ImageReference.Parse($"oci:/images/a:b@sha256:{Hex}");
        Assert.Equal(("/images/a:b", null, Hex), (reference.Path, reference.Tag, reference.Digest!.Hex));
    }

    [Theory]
    [InlineData("docker://host:5000/a/b:v1@sha256:" + Hex, "host:5000/a/b")]
    [InlineData("docker://host:5000/a/b@sha256:" + Hex, "host:5000/a/b")]
    public void Of_a_tag_and_a_digest_in_a_registry_the_digest_counts(string text, string path)
    {
        var reference = ImageReference.Parse(text);
        Assert.Equal((path, null, Hex), (reference.Path, reference.Tag, reference.Digest!.Hex));
    }

    [Theory]
    [InlineData("docker://host/a:@sha256:" + Hex)]
    [InlineData("docker://host/a:ta g@sha256:" + Hex)]
    [InlineData("/images/a")]
    [InlineData("docker://a")]
    [InlineData("oci:")]
    [InlineData("oci::tag")]
    [InlineData("oci:a:")]
    [InlineData("oci:a@sha256:abc")]
    [InlineData("oci:@sha256:" + Hex)]
    [InlineData("oci:a\0b")]
    public void Anything_else_is_refused_with_what_is_expected(string text) =>
        Assert.Contains("expected oci:PATH", Assert.Throws<ImageException>(() => ImageReference.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("linux")]
    [InlineData("linux/")]
    [InlineData("/amd64")]
    [InlineData("linux/arm/v7/x")]
    public void What_is_no_platform_is_refused(string text) => Assert.Throws<ImageException>(() => Platform.Parse(text));

    [Fact]
    public void A_platform_without_variant_takes_any()
    {
        Assert.True(Platform.Parse("linux/arm").Accepts(Platform.Parse("linux/arm/v7")));
        Assert.False(Platform.Parse("linux/arm/v6").Accepts(Platform.Parse("linux/arm/v7")));
        Assert.False(Platform.Parse("linux/arm64").Accepts(Platform.Parse("linux/arm")));
    }
}
