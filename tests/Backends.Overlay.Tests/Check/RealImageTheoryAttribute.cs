using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>A test over the images that eng/setup makes.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class RealImageTheoryAttribute : TheoryAttribute
{
    public RealImageTheoryAttribute() =>
        Skip = RealParts.SkipReason(RealParts.Umoci, RealParts.Image("demo"), RealParts.Image("demo-zstd"), RealParts.Image("awkward"));
}
