using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest that mounts a container's root as Kata does: an image and a share of one daemon, under overlayfs.</summary>
public sealed class OverlayBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("overlay.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        File.Copy(RealParts.Default.Package, Path.Combine(Directory.Share, "hello.deb"));
        var daemon = await ServeMountsAsync(
            "kataShared",
            [("/rafs/c/lowerdir", $"oci:{RealParts.Default.DemoImage}:latest"), ("/containers", Directory.Share)],
            "--xattr",
            // overlayfs keeps its marks in attributes of the namespace trusted.
            "--modcaps=+sys_admin",
            "--store",
            Directory.Create("store"));
        return new()
        {
            Tools = true,
            OverlayModule = true,
            FileSystems = [daemon],
            Mounts = [("kataShared", "/run/kata-containers/shared")],
        };
    }
}
