namespace VirtioFsStore.Guest.Tests;

/// <summary>A directory of the host as a Linux guest uses it.</summary>
public sealed class ShareTests(ShareBoot boot) : GuestBootTests<ShareBoot>(boot)
{
    [GuestFact]
    public void The_host_has_what_the_guest_wrote()
    {
        Boot.AssertPassed("writes_and_reads_back");

        Assert.Equal("written by the guest\nmore\n", Boot.Directory.ReadShared("from-guest"));
        Assert.Equal("moved\n", Boot.Directory.ReadShared("r1/inner/c"));
        Assert.False(File.Exists(Path.Combine(Boot.Directory.Share, "unlinked")));
    }
}
