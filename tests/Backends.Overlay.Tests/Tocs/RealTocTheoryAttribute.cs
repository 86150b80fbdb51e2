using VirtioFsStore.Backends.Overlay.Tests.Check;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>A test over the images with tables of contents that eng/setup makes.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class RealTocTheoryAttribute : TheoryAttribute
{
    public RealTocTheoryAttribute() => Skip = RealParts.SkipReason(RealParts.Image("demo-estargz"), RealParts.Image("demo-chunked"));
}
