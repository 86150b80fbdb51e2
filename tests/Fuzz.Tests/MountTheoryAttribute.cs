using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Fuzz.Tests;

/// <summary>Tests that mount images on this host and have them unpacked by other programs; skipped where something lacks, but not in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class MountTheoryAttribute : TheoryAttribute
{
    public MountTheoryAttribute()
    {
        if (DevCache.IsCi)
            return;
        if (!Environment.IsPrivilegedProcess || !File.Exists("/dev/fuse"))
            Skip = "mounting needs root and /dev/fuse";
        else if (!File.Exists(DevCache.Umoci))
            Skip = $"{DevCache.Umoci} is missing; eng/setup makes it.";
    }
}
