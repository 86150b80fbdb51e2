using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.RealServers;

/// <summary>A test that starts real servers, which eng/setup installs: fails in CI where they are missing, is skipped elsewhere.</summary>
public sealed class RealServerFactAttribute : FactAttribute
{
    public RealServerFactAttribute() => Skip = DevCache.IsCi ? null : Missing;

    internal static string? Missing =>
        TestNeeds.Root ?? RealParts.Missing(RealParts.Default.Radosgw, RealParts.Default.RadosgwAdmin, RealParts.Default.DockerRegistry);
}
