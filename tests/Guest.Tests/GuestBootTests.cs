namespace VirtioFsStore.Guest.Tests;

/// <summary>The test cases that every boot has: its checks, and an orderly stop.</summary>
public abstract class GuestBootTests<TBoot>(TBoot boot) : IClassFixture<TBoot>
    where TBoot : GuestBoot, new()
{
    public static TheoryData<string> Checks => [.. new TBoot().Checks.Names];

    private protected TBoot Boot => boot;

    [GuestTheory]
    [MemberData(nameof(Checks))]
    public void In_the_guest(string check) => boot.AssertPassed(check);

    [GuestFact]
    public void The_daemons_end_well_when_the_guest_powers_off() => boot.AssertOrderlyStop();
}
