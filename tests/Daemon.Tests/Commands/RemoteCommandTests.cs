using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Commands;

/// <summary>What commands say while, and after, a remote place is not to be had.</summary>
public sealed class RemoteCommandTests : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly LayoutWriter _layout = new();
    readonly TemporaryDirectory _directory = new();

    public RemoteCommandTests() => _layout.Image("v1", new TarWriter().File("a", "b").ToArray());

    public void Dispose()
    {
        _layout.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_push_to_a_host_that_is_not_there_says_so_at_once_and_one_that_is_interrupted_says_that()
    {
        using var push = ChildProcess.Launch(Daemon.Program, ["image", "push", $"oci:{_layout.Path}:v1", "docker://127.0.0.1:1/some/where:v1"], "trying again for");
        Assert.True(push.WaitReady(1, s_patience), push.ErrorText);
        push.Terminate();
        Assert.True(push.WaitForExit(s_patience));
        Assert.Equal(1, push.ExitCode);
        Assert.StartsWith("virtiofs-store: cannot reach http://127.0.0.1:1: ", push.ErrorText, StringComparison.Ordinal);
        Assert.EndsWith("virtiofs-store: interrupted", push.ErrorText.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_has_no_credentials_of_a_bucket_is_told_where_was_looked()
    {
        var environment = new Dictionary<string, string>
        {
            ["HOME"] = _directory.Path,
            ["AWS_EC2_METADATA_DISABLED"] = "true",
            ["AWS_ACCESS_KEY_ID"] = "",
            ["AWS_SECRET_ACCESS_KEY"] = "",
            ["AWS_SHARED_CREDENTIALS_FILE"] = _directory["none"],
            ["AWS_CONFIG_FILE"] = _directory["none"],
        };
        using var list = ChildProcess.Launch(Daemon.Program, ["image", "ls", "s3://bucket/prefix", "--s3-endpoint", "http://127.0.0.1:1"], environment: environment);
        Assert.True(list.WaitForExit(s_patience));
        Assert.Equal(1, list.ExitCode);
        Assert.Contains($"at 127.0.0.1:1: process {list.Id}, which asks, has no credentials: neither AWS_ACCESS_KEY_ID", list.ErrorText, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", list.ErrorText, StringComparison.Ordinal);
    }
}
