using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A test that looks into the sandbox of a server that root has started. Skipped for other users, but not in CI.</summary>
public sealed class SandboxFactAttribute : FactAttribute
{
    public SandboxFactAttribute() => Skip = TestNeeds.Root;
}
