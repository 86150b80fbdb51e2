using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>--rlimit-nofile is the server's limit, and nobody can raise it again.</summary>
public sealed class OpenFileLimitTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("--sandbox=none")]
    [InlineData("--sandbox=namespace")]
    public void A_number_is_both_limits(string sandbox)
    {
        using var daemon = Daemon.Serve(_directory["sock"], _directory.Path, sandbox, "--rlimit-nofile=777");

        Assert.Equal("777 777", LimitOf(sandbox == "--sandbox=none" ? daemon.Id : ServerProcesses.Of(daemon)));
    }

    [Fact]
    public void Zero_leaves_the_hard_limit()
    {
        using var daemon = Daemon.Serve(_directory["sock"], _directory.Path, "--sandbox=none", "--rlimit-nofile=0");

        Assert.Equal(LimitOf(Environment.ProcessId).Split(' ')[1], LimitOf(daemon.Id).Split(' ')[1]);
    }

    /// <summary>Soft and hard.</summary>
    static string LimitOf(int pid) => string.Join(
        ' ',
        File.ReadLines($"/proc/{pid}/limits").Single(line => line.StartsWith("Max open files", StringComparison.Ordinal))["Max open files".Length..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[..2]);
}
