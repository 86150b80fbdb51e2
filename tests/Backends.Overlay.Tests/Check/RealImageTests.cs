using Xunit;
using Xunit.Abstractions;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

public sealed class RealImageTests(ITestOutputHelper log)
{
    [RealImageTheory]
    [InlineData("demo")]
    [InlineData("demo-zstd")]
    [InlineData("awkward")]
    public async Task What_is_served_is_what_GNU_tar_and_umoci_unpack(string image)
    {
        var (count, output) = await CheckedImage.RunAsync(RealParts.Image(image), umoci: RealParts.Umoci);
        log.WriteLine(output);
        Assert.True(count == 0, output);
        Assert.Contains("GNU tar: ", output, StringComparison.Ordinal);
        Assert.Contains("umoci: ", output, StringComparison.Ordinal);
    }
}
