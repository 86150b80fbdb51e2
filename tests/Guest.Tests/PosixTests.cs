namespace VirtioFsStore.Guest.Tests;

/// <summary>POSIX in a guest: what holds on its tmpfs holds on a share.</summary>
public sealed class PosixTests(PosixBoot boot) : GuestBootTests<PosixBoot>(boot)
{
    public static TheoryData<string, string> Rules
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var (name, target) in PosixBoot.Targets)
            {
                foreach (var rule in target.Rules)
                {
                    rows.Add(name, rule);
                }
            }

            return rows;
        }
    }

    [GuestTheory]
    [MemberData(nameof(Rules))]
    public void A_rule_holds(string target, string rule)
    {
        var failure = Boot.FailureOf(target, rule);
        Assert.True(failure is null, failure);
    }
}
