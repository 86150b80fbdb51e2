using VirtioFsStore.Daemon.Commands;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Commands;

/// <summary>What the command line of a push comes to.</summary>
public sealed class ImagePushCommandTests
{
    [Theory]
    [InlineData("", false, false)]
    [InlineData("--plain-http", true, true)]
    [InlineData("--src-plain-http", true, false)]
    [InlineData("--dest-plain-http", false, true)]
    [InlineData("--dest-plain-http --plain-http", true, true)]
    public void Plain_http_is_of_both_ends_or_of_one(string options, bool ofSource, bool ofTarget)
    {
        var parsed = ImagePushCommand.Create().Parse($"docker://a.example/x docker://b.example/x {options}");
        Assert.Empty(parsed.Errors);

        var (source, target) = ImagePushCommand.ReadEnds(parsed);

        Assert.Equal((ofSource, ofTarget), (source.Registry.PlainHttp, target.Registry.PlainHttp));
    }
}
