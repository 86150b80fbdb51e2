using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.RealServers;

/// <summary>A test that makes files immutable: needs root, and ext4 below the folder for temporary files. Skipped where they lack, but not in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ImmutableFilesFactAttribute : FactAttribute
{
    public ImmutableFilesFactAttribute() => Skip = TestNeeds.ImmutableFiles;
}
