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
}
