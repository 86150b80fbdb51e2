using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>What a server logs of an image at SIGUSR1.</summary>
sealed partial record ImageCountsLine(long Bytes, long Size, long Requests, long Present, long Pieces, long Misses, long Failed, long VerifyFailures, long Evicted)
{
    /// <summary>Asks, and waits for the answer.</summary>
    public static ImageCountsLine Ask(ChildProcess server)
    {
        var before = Line().Count(server.ErrorText);
        ServerProcesses.Signal(server.Id, "USR1");
        if (!SpinWait.SpinUntil(() => Line().Count(server.ErrorText) > before, TimeSpan.FromSeconds(60)))
            throw new TimeoutException($"No counts came. The server wrote: {server.ErrorText}");
        return Last(server.ErrorText);
    }

    /// <summary>The last line of a log.</summary>
    public static ImageCountsLine Last(string log)
    {
        var values = Line().Matches(log)[^1].Groups.Values.Skip(1).Select(group => long.Parse(group.ValueSpan, CultureInfo.InvariantCulture)).ToArray();
        return new ImageCountsLine(values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7], values[8]);
    }

    [GeneratedRegex(@"(\d+) bytes fetched of (\d+) \([\d.]+%\) in (\d+) requests; (\d+) of (\d+) pieces present, (\d+) misses, (\d+) failed, (\d+) verify failures, (\d+) evicted")]
    private static partial Regex Line();
}
