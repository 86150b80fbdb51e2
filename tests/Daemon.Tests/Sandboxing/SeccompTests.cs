using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>The filter from inside: what is tried under it, and what comes of it.</summary>
public sealed partial class SeccompTests
{
    [Theory]
    [InlineData("mount")]
    [InlineData("execve")]
    [InlineData("ptrace", "16")]
    [InlineData("setns")]
    [InlineData("bpf")]
    [InlineData("io_uring_setup")]
    [InlineData("unshare", "0x20000")] // CLONE_NEWNS
    [InlineData("kill", "parent", "0")]
    [InlineData("tgkill", "parent", "parent", "0")]
    [InlineData("prlimit64", "parent", "7")]
    [InlineData("fcntl", "0", "8", "1")] // F_SETOWN
    [InlineData("ioctl", "0", "0x5412")] // TIOCSTI
    [InlineData("setsockopt", "0", "1", "26")] // SO_ATTACH_FILTER
    public void What_the_server_has_no_need_of_ends_it(string call, params string[] arguments)
    {
        var (code, output, _) = Probe.Run(["kill", "call", call, .. arguments]);

        Assert.Equal(Probe.EndedBySigsys, code);
        Assert.Empty(output);
    }

    [Theory]
    [InlineData(Errno.EAFNOSUPPORT, "socket", "2", "1")] // AF_INET
    [InlineData(Errno.EAFNOSUPPORT, "socket", "16", "3")] // AF_NETLINK
    [InlineData(Errno.EPERM, "clone", "17")] // a process
    [InlineData(Errno.EPERM, "clone", "0x10010900")] // a thread in a user namespace of its own
    [InlineData(Errno.ENOSYS, "clone3")]
    [InlineData(Errno.EINVAL, "prctl", "4")] // PR_SET_DUMPABLE
    public void What_libraries_try_and_can_do_without_is_refused(Errno error, string call, params string[] arguments)
    {
        var (code, output, _) = Probe.Run(["kill", "call", call, .. arguments]);

        Assert.Equal(0, code);
        Assert.Equal(-(int)error, int.Parse(output, CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("kill", "self", "0")]
    [InlineData("socket", "1", "1")]
    [InlineData("unshare", "0x200")] // CLONE_FS
    [InlineData("fcntl", "0", "1")] // F_GETFD
    public void What_it_needs_is_done(string call, params string[] arguments)
    {
        var (code, output, _) = Probe.Run(["kill", "call", call, .. arguments]);

        Assert.Equal(0, code);
        Assert.True(int.Parse(output, CultureInfo.InvariantCulture) >= 0, output);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("log")]
    public void Without_a_filter_or_where_it_only_logs_the_kernel_decides(string action)
    {
        var (code, output, _) = Probe.Run(action, "call", "mount");

        Assert.Equal(0, code);
        Assert.Contains(int.Parse(output, CultureInfo.InvariantCulture), (int[])[-(int)Errno.EFAULT, -(int)Errno.EPERM]);
    }

    [Fact]
    public void A_trap_is_a_signal_that_can_be_caught()
    {
        var (code, output, _) = Probe.Run("trap", "catch", "mount");

        Assert.Equal(0, code);
        Assert.Equal("SIGSYS\n", output);
    }

    [Fact]
    public void A_trap_that_nobody_catches_ends_the_process()
    {
        Assert.Equal(Probe.EndedBySigsys, Probe.Run("trap", "call", "mount").ExitCode);
    }

    [Fact]
    public void A_kill_cannot_be_caught()
    {
        var (code, output, _) = Probe.Run("kill", "catch", "mount");

        Assert.Equal(Probe.EndedBySigsys, code);
        Assert.Empty(output);
    }

    [Fact]
    public void Every_thread_is_covered_whenever_it_started()
    {
        var (_, output, error) = Probe.Run("kill", "threads");

        var counts = Census().Match(output);
        Assert.True(counts.Success, output + error);
        Assert.True(int.Parse(counts.Groups["all"].ValueSpan, CultureInfo.InvariantCulture) >= 12, output);
        Assert.Equal(counts.Groups["all"].Value, counts.Groups["filtered"].Value);
        Assert.Equal(counts.Groups["all"].Value, counts.Groups["confined"].Value);
    }

    [Fact]
    public void The_runtime_does_under_it_all_that_it_does_late_or_seldom()
    {
        var (code, output, error) = Probe.Run("kill", "runtime");

        Assert.True(code == 0, $"exit code {code}: {error}");
        Assert.Equal("done\n", output);
    }

    [Fact]
    public void An_exception_that_nobody_catches_is_told_with_its_stack_and_aborts()
    {
        var (code, _, error) = Probe.Run("kill", "throw");

        Assert.Equal(Probe.EndedBySigabrt, code);
        Assert.Contains("thrown under the filter", error, StringComparison.Ordinal);
        Assert.Contains("Program.cs:line", error, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^threads (?<all>\d+) filtered (?<filtered>\d+) confined (?<confined>\d+)$", RegexOptions.Multiline)]
    private static partial Regex Census();
}
