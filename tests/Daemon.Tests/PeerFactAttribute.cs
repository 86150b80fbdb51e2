using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A test that asks virtiofsd itself, which eng/setup installs: fails in CI where it is missing, is skipped elsewhere.</summary>
public sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute() => Skip = DevCache.IsCi ? null : RealParts.Missing(RealParts.Default.Virtiofsd);
}
