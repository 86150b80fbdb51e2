using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest whose root is the demo image, with another image and a share beside it.</summary>
public sealed class ImageRootBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("image-root.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        var store = Directory.Create("store");
        var image = await ServeAsync("root", $"oci:{RealParts.Default.DemoImage}:latest", requestQueues: 1, "--store", store);
        var awkward = await ServeAsync("awkward", $"oci:{RealParts.Default.AwkwardImage}:latest", requestQueues: 1, "--store", store);
        var share = await ServeAsync("share", Directory.Share, requestQueues: 1);
        return new()
        {
            Root = GuestRoot.Overlay("root"),
            FileSystems = [image, awkward, share],
            Mounts = [("awkward", "/awkward"), ("share", "/mnt")],
        };
    }
}
