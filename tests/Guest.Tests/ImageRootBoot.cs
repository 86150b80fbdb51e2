using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest whose root is the demo image, with a share beside it.</summary>
public sealed class ImageRootBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("image-root.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        var image = await ServeAsync(
            "root", $"oci:{RealParts.Default.DemoImage}:latest", requestQueues: 1, "--store", Directory.Create("store"));
        var share = await ServeAsync("share", Directory.Share, requestQueues: 1);
        return new()
        {
            Root = GuestRoot.Overlay("root"),
            FileSystems = [image, share],
            Mounts = [("share", "/mnt")],
        };
    }
}
