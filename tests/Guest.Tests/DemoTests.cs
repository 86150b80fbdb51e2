using System.Diagnostics;

namespace VirtioFsStore.Guest.Tests;

/// <summary>The command that the README shows first.</summary>
public sealed class DemoTests
{
    // It builds the release configuration first.
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(7);

    [GuestFact]
    public async Task The_demo_boots_its_image_and_says_what_was_served()
    {
        // Else the demo would install what is missing.
        Assert.Null(Requirements.Missing);
        using var demo = Process.Start(new ProcessStartInfo(Path.Combine(DaemonProcess.Metadata("Repository"), "eng/demo"))
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
        Assert.EndsWith("\nready\n", await output, StringComparison.Ordinal);
        Assert.Contains("trixie", await output, StringComparison.Ordinal);
        Assert.Matches(@"'ready' after \d+\.\d s", await messages);
        Assert.Matches(@"requests: .*LOOKUP \d+", await messages);
    }
}
