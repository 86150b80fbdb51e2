using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace VirtioFsStore.Guest.Tests;

/// <summary>The command that the README shows first.</summary>
public sealed class DemoTests
{
    // It builds the release configuration first.
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(7);

    [GuestFact]
    public async Task The_demo_boots_its_image_and_says_what_was_served()
    {
        var (output, messages) = await RunAsync();

        Assert.EndsWith("\nready\n", output, StringComparison.Ordinal);
        Assert.Contains("trixie", output, StringComparison.Ordinal);
        Assert.Matches(@"'ready' after \d+\.\d s", messages);
        Assert.Matches(@"requests: .*LOOKUP \d+", messages);
    }

    [GuestTheory]
    [InlineData("--lazy", @"oci:\S+/layout:latest-indexed")]
    [InlineData("--s3", "s3://demo/image:latest-indexed")]
    [InlineData("--registry", @"docker://127\.0\.0\.1:\d+/image:latest-indexed")]
    public async Task The_demo_boots_from_an_image_that_it_fetches_as_it_is_read(string option, string source)
    {
        var (output, messages) = await RunAsync(option);

        Assert.EndsWith("\nready\n", output, StringComparison.Ordinal);
        Assert.Matches($"demo: serving {source}", messages);
        var fetched = Regex.Match(messages, @"demo: (\d+) bytes fetched of (\d+) \(");
        Assert.True(fetched.Success, messages);
        Assert.InRange(Number(fetched, 1), 1, Number(fetched, 2) / 2);
        Assert.Matches(@"demo: served after \d+\.\d s, ready \d+\.\d s later; a full pull and unpack took \d+\.\d s", messages);
    }

    [GuestFact]
    public async Task The_demo_maps_the_image_into_its_guests()
    {
        var (_, messages) = await RunAsync("--dax");

        Assert.Matches("demo: dax=always: 0 READ requests, [1-9][0-9]* mappings; the guest's command ended with status 0", messages);
        Assert.Matches("demo: dax=inode: [1-9][0-9]* READ requests, [1-9][0-9]* mappings; the guest's command ended with status 0", messages);
        var held = Regex.Match(messages, "demo: one guest and its daemon hold [1-9][0-9]+ MB, ([0-9]+) of them the store's files when the guest has read /usr; two hold [1-9][0-9]+ MB, ([0-9]+) of them");
        Assert.True(held.Success, messages);
        // They share them.
        Assert.InRange(Number(held, 1), 30, 100);
        Assert.InRange(Number(held, 2), Number(held, 1) - 5, Number(held, 1) + 5);
    }

    static long Number(Match match, int group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    static async Task<(string Output, string Messages)> RunAsync(params string[] arguments)
    {
        // Else the demo would install what is missing.
        Assert.Null(Requirements.Missing);
        using var demo = Process.Start(new ProcessStartInfo(Path.Combine(DaemonProcess.Metadata("Repository"), "eng/demo"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = demo.StandardOutput.ReadToEndAsync();
        var messages = demo.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(Limit);
        using var kill = limit.Token.Register(() => demo.Kill(entireProcessTree: true));

        await demo.WaitForExitAsync(CancellationToken.None);

        Assert.True(demo.ExitCode == 0, await messages);
        return (await output, await messages);
    }
}
