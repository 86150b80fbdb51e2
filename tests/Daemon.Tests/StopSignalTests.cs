using VirtioFsStore.Daemon.Tests.Sandboxing;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

public sealed class StopSignalTests
{
    [Fact]
    public void A_signal_to_stop_that_comes_when_the_work_is_done_changes_nothing()
    {
        var (code, output, error) = Probe.Run("none", "late-signals");
        Assert.Equal((0, "done\n", ""), (code, output, error));
    }
}
