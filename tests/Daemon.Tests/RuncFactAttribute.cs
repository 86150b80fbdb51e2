using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A test that mounts and runs a container: needs runc and busybox beside what mounting needs. Skipped where they lack, but not in CI.</summary>
public sealed class RuncFactAttribute : FactAttribute
{
    public RuncFactAttribute() =>
        Skip = new HostMountFactAttribute().Skip
            ?? (DevCache.IsCi ? null : RealParts.Missing(RealParts.Default.Runc, RealParts.Default.BusyBox));
}
