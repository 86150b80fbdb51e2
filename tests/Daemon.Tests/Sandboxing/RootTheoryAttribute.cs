using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>A test that needs root's capabilities. Skipped without them, but not in CI.</summary>
public sealed class RootTheoryAttribute : TheoryAttribute
{
    public RootTheoryAttribute() => Skip = TestNeeds.Root;
}
