namespace VirtioFsStore.Guest.Tests;

/// <summary>The layers of an OCI image as the root of a Linux guest.</summary>
public sealed class ImageRootTests(ImageRootBoot boot) : GuestBootTests<ImageRootBoot>(boot)
{
    [GuestFact]
    public void The_host_has_what_the_guest_wrote_to_the_share()
    {
        Boot.AssertPassed("a_share_beside_the_image_is_writable");

        Assert.Contains("trixie", Boot.Directory.ReadShared("os-release"), StringComparison.Ordinal);
    }
}
