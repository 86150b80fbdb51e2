using System.Text.RegularExpressions;

namespace VirtioFsStore.Guest.Tests;

/// <summary>Files in the guest's window, with dax=always.</summary>
public sealed partial class DaxTests(DaxBoot boot) : GuestBootTests<DaxBoot>(boot)
{
    [GuestFact]
    public void No_file_was_read_by_a_request()
    {
        Boot.AssertPassed("they_are_unmounted");

        foreach (var tag in (string[])["image", "share"])
        {
            var requests = Requests().Match(Boot.LogOf(tag));
            Assert.True(requests.Success);
            Assert.Contains("SETUPMAPPING", requests.Value, StringComparison.Ordinal);
            Assert.DoesNotMatch(@"[ ,]READ \d", requests.Value);
        }
    }

    [GuestFact]
    public void Large_files_of_whole_pages_are_mapped_and_others_read_where_that_is_wanted()
    {
        Boot.AssertPassed("a_database_works_where_large_files_of_whole_pages_are_mapped");

        var requests = Requests().Match(Boot.LogOf("own")).Value;
        Assert.Contains("SETUPMAPPING", requests, StringComparison.Ordinal);
        Assert.Matches(@"[ ,]READ \d", requests);
    }

    [GuestFact]
    public void What_guests_share_was_lent_and_taken_back()
    {
        Boot.AssertPassed("every_file_is_the_same_where_guests_share_them");

        Assert.Contains("it shares with others", Boot.LogOf("lent"), StringComparison.Ordinal);
        Assert.Contains("REMOVEMAPPING", Boot.LogOf("lent"), StringComparison.Ordinal);
    }

    [GuestFact]
    public void The_cache_was_collected_meanwhile()
    {
        Boot.AssertPassed("every_file_is_the_same_while_the_cache_is_collected");

        Assert.Empty(Boot.Collections.Failures);
        Assert.NotInRange(Boot.Collections.Count, 0, 1);
    }

    [GeneratedRegex("requests: .*")]
    private static partial Regex Requests();
}
