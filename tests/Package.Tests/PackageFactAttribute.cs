using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Package.Tests;

/// <summary>A fact about the package; skipped, with the reason, where it can be neither made nor installed, but not in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class PackageFactAttribute : FactAttribute
{
    public PackageFactAttribute() => Skip = DevCache.IsCi ? null : Missing;

    static string? Missing { get; } = !Environment.IsPrivilegedProcess
        ? "The package is installed in a chroot; run the tests as root."
        : RealParts.Missing(RealParts.Default.CleanRoot, "/usr/bin/dpkg-deb", "/usr/bin/man", "/usr/bin/systemd-analyze");
}
