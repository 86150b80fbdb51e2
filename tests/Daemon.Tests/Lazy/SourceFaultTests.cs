using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>All that goes wrong between a keeper and a source: a guest gets the right bytes or EIO, and the right bytes when it is over.</summary>
public sealed class SourceFaultTests(RemotePlaces places) : IClassFixture<RemotePlaces>
{
    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task Whatever_a_source_answers_a_guest_gets_no_wrong_byte(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        using var server = setup.Serve(more: ["--io-timeout", "10s"]);
        using var machine = setup.Boot();

        foreach (var fault in kind == PlaceKind.Registry ? SourceFault.All.Append(SourceFault.RangeIgnored) : SourceFault.All)
        {
            var failures = ReadAll(setup, machine.Fuse, fault);
            Assert.True(fault.MayFail || failures == 0, $"{fault.Name}: {failures} reads failed. The server wrote: {server.ErrorText}");
            setup.Proxy.Heal();
            setup.AssertAllRight(machine.Fuse);
        }

        var counts = ImageCountsLine.Ask(server);
        Assert.NotEqual(0, counts.VerifyFailures);
        var ignored = new Regex(kind == PlaceKind.Registry ? " [1-9][0-9]* ranges ignored" : " 0 ranges ignored");
        Assert.True(SpinWait.SpinUntil(() => ignored.IsMatch(server.ErrorText), LazySetup.Wait), server.ErrorText);
    }

    [RealServerFact]
    public async Task A_token_that_expires_in_the_middle_is_renewed()
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Registry);
        using var server = setup.Serve();
        using var machine = setup.Boot();
        setup.AssertRight(machine.Fuse, KnownImage.OtherFile);
        setup.Proxy.Inject(
            Fault.Answer(200) with { Body = """{"token":"fresh","expires_in":60}"""u8.ToArray() }, int.MaxValue, request => request.Path == "/token");
        setup.Proxy.Inject(
            Fault.Answer(401, ("WWW-Authenticate", $"Bearer realm=\"{setup.Proxy.Url}token\",service=\"tests\"")), int.MaxValue,
            request => request["Authorization"] != "Bearer fresh");

        setup.AssertAllRight(machine.Fuse);

        Assert.Contains(setup.Proxy.Requests, request => request["Authorization"] == "Bearer fresh");
    }

    /// <summary>From an empty cache.</summary>
    static int ReadAll(LazySetup setup, FuseClient fuse, SourceFault fault)
    {
        var (code, output, error) = Daemon.Run("cache", "gc", "--keep", "0", "--store", setup.Store);
        Assert.True(code == 0, output + error);
        setup.Proxy.Inject(fault.Fault, fault.Times, request => request.Method == "GET" && request.Path.Contains("/blobs/", StringComparison.Ordinal));
        return setup.CountFailures(fuse);
    }
}
