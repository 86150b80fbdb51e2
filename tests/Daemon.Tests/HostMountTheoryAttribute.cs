using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A theory that needs what a <see cref="HostMountFactAttribute"/> needs.</summary>
public sealed class HostMountTheoryAttribute : TheoryAttribute
{
    public HostMountTheoryAttribute() => Skip = new HostMountFactAttribute().Skip;
}
