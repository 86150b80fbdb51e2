namespace VirtioFsStore.Guest.Tests;

/// <summary>An image as root by way of a window.</summary>
public sealed class DaxRootTests(DaxRootBoot boot) : GuestBootTests<DaxRootBoot>(boot)
{
    [GuestFact]
    public void Another_guest_of_the_same_store_has_the_same()
    {
        Boot.AssertPassed("the_root_is_the_image_by_way_of_the_window");

        Assert.All(Boot.Checks.Names, check => Assert.Null(Boot.Second!.FailureOf(check, Boot.LogOf("second"))));
        Assert.Contains("SETUPMAPPING", Boot.LogOf("first"), StringComparison.Ordinal);
        Assert.Contains("SETUPMAPPING", Boot.LogOf("second"), StringComparison.Ordinal);
    }

    [GuestFact]
    public void Both_share_the_stores_own_files()
    {
        Boot.AssertPassed("the_host_has_looked_at_the_vmms");

        Assert.All(["first", "second"], name => Assert.Contains("it shares with others", Boot.LogOf(name), StringComparison.Ordinal));
        // What the first part of the window has of the image; the rest is copied.
        Assert.Equal(2, Boot.MappedOfStore.Count);
        Assert.All(Boot.MappedOfStore, bytes => Assert.True(bytes > 10 << 20, $"{bytes} bytes"));
    }
}
