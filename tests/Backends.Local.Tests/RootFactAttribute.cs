using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A test that needs root (other users' files, file handles, mounts): fails in CI without it, is skipped elsewhere.</summary>
sealed class RootFactAttribute : FactAttribute
{
    public RootFactAttribute() => Skip = TestNeeds.Root;
}
