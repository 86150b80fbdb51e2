using System.Text;
using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tar;

public sealed class TarPathTests
{
    static string? Normalize(string path) =>
        TarPath.Normalize(TarWriter.Bytes(path), out _) is { } bytes ? Encoding.Latin1.GetString(bytes) : null;

    [Theory]
    [InlineData("", "")]
    [InlineData(".", "")]
    [InlineData("./", "")]
    [InlineData("/", "")]
    [InlineData("//./", "")]
    [InlineData("a", "a")]
    [InlineData("./a/b", "a/b")]
    [InlineData("/etc/passwd", "etc/passwd")]
    [InlineData("//a///b/./c//", "a/b/c")]
    [InlineData("a/../b", "b")]
    [InlineData("a/b/../../c", "c")]
    [InlineData("a/..", "")]
    [InlineData("a/b/..", "a")]
    [InlineData("...", "...")]
    [InlineData("..a/.b", "..a/.b")]
    [InlineData("\xff\xfe/\n", "\xff\xfe/\n")]
    public void Paths_are_made_relative_to_the_root(string path, string expected) => Assert.Equal(expected, Normalize(path));

    [Theory]
    [InlineData("..")]
    [InlineData("/..")]
    [InlineData("../a")]
    [InlineData("a/../../b")]
    [InlineData("a\0b")]
    public void What_leads_out_of_the_root_or_is_no_name_is_refused(string path) => Assert.Null(Normalize(path));

    [Fact]
    public void Lengths_are_those_that_linux_takes()
    {
        Assert.NotNull(Normalize(new string('n', 255)));
        Assert.Null(Normalize("a/" + new string('n', 256)));
        var deep = string.Join('/', Enumerable.Repeat(new string('d', 254), 16)) + new string('x', 1) + "/" + new string('e', 15);
        Assert.NotNull(Normalize(deep[..4095]));
        Assert.Null(Normalize(deep));
    }
}
