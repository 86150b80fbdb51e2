using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>What the tests of this project need from the machine.</summary>
static class Requirements
{
    /// <summary>What is missing, and how to get it; null if nothing is.</summary>
    public static string? Missing { get; } =
        !Environment.IsPrivilegedProcess
            ? "A guest's file system is served as root; run the tests as root."
            : RealParts.Missing(
                RealParts.Default.ChrootQemu, RealParts.HostQemu, RealParts.Default.Kernel, RealParts.Default.BusyBox,
                RealParts.Default.DemoImage, RealParts.Default.AwkwardImage, RealParts.Default.Package);

    /// <summary>The reason to skip a test; never one in CI, where a test fails for what the machine lacks.</summary>
    public static string? SkipReason { get; } = DevCache.IsCi ? null : Missing;
}
