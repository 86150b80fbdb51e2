using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>A test that unpacks as root; skipped elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class RootFactAttribute : FactAttribute
{
    public RootFactAttribute() => Skip = RealParts.SkipReason();
}
