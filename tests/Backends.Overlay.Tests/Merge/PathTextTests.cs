using VirtioFsStore.Backends.Overlay.Merge;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Merge;

public sealed class PathTextTests
{
    [Theory]
    [InlineData(new byte[] { }, "")]
    [InlineData(new byte[] { 0x61, 0x2f, 0xc3, 0xa4 }, "a/ä")]
    [InlineData(new byte[] { 0x61, 0x0a, 0x62 }, "a\\nb")]
    [InlineData(new byte[] { 0x5c, 0x1b, 0x5b }, "\\\\\\x1b[")]
    [InlineData(new byte[] { 0xe9, 0x61, 0xff }, "\\xe9a\\xff")]
    [InlineData(new byte[] { 0xe2, 0x80, 0xae }, "\\xe2\\x80\\xae")]
    [InlineData(new byte[] { 0xf0, 0x9f, 0x98 }, "\\xf0\\x9f\\x98")]
    public void Names_become_one_harmless_line(byte[] name, string expected) => Assert.Equal(expected, PathText.Of(name));
}
