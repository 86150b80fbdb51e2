using System.Text;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tar;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Layers;

public sealed class WhiteoutTests
{
    [Theory]
    [InlineData("a/b", "None", "a/b")]
    [InlineData("a/b.wh.c", "None", "a/b.wh.c")]
    [InlineData(".wh.dir/file", "None", ".wh.dir/file")]
    [InlineData("", "None", "")]
    [InlineData(".wh.a", "Hides", "a")]
    [InlineData("d/e/.wh.a", "Hides", "d/e/a")]
    [InlineData("d/.wh..hidden", "Hides", "d/.hidden")]
    [InlineData("d/.wh....", "Hides", "d/...")]
    [InlineData(".wh..wh..opq", "Opaque", "")]
    [InlineData("d/e/.wh..wh..opq", "Opaque", "d/e")]
    [InlineData(".wh..wh.aufs", "Ignored", ".wh..wh.aufs")]
    [InlineData(".wh..wh.plnk/12.34", "Ignored", ".wh..wh.plnk/12.34")]
    [InlineData("d/.wh..wh.orph/x", "Ignored", "d/.wh..wh.orph/x")]
    public void Names_are_told_apart(string path, string kind, string target)
    {
        Assert.Equal(kind, Whiteout.Classify(Encoding.ASCII.GetBytes(path), out var actual).ToString());
        Assert.Equal(target, Encoding.ASCII.GetString(actual));
    }

    [Theory]
    [InlineData(".wh.")]
    [InlineData("d/.wh.")]
    [InlineData(".wh..")]
    [InlineData("d/.wh...")]
    public void A_whiteout_of_nothing_of_itself_or_of_the_parent_is_refused(string path) =>
        Assert.Throws<TarException>(() => Whiteout.Classify(Encoding.ASCII.GetBytes(path), out _));
}
