using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.RealServers;

/// <summary>As <see cref="RealServerFactAttribute"/>, for several cases.</summary>
public sealed class RealServerTheoryAttribute : TheoryAttribute
{
    public RealServerTheoryAttribute() => Skip = DevCache.IsCi ? null : RealServerFactAttribute.Missing;
}
