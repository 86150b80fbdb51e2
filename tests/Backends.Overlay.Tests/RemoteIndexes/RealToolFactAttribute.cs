using VirtioFsStore.Backends.Overlay.Tests.Check;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.RemoteIndexes;

/// <summary>A test with skopeo and umoci.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class RealToolFactAttribute : FactAttribute
{
    public RealToolFactAttribute() => Skip = RealParts.SkipReason(RealParts.Skopeo, RealParts.Umoci);
}
