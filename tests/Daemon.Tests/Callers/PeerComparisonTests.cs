using System.Text.Json;
using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Callers;

/// <summary>What callers look at, beside what virtiofsd 1.14 itself shows.</summary>
public sealed partial class PeerComparisonTests
{
    /// <summary>Of virtiofsd's options, those that the program has but does not show.</summary>
    static readonly string[] s_unshown = ["--migration-verify-handles", "--migration-confirm-paths", "--socket"];

    [PeerFact]
    public void Capabilities_are_the_peer_s_but_for_live_migration()
    {
        var ours = Capabilities(Daemon.Program);
        var theirs = Capabilities(RealParts.Default.Virtiofsd);

        Assert.Equal(theirs.Type, ours.Type);
        Assert.Equal(theirs.Features.Where(feature => feature != "migrate-precopy").Order(), ours.Features.Order());
    }

    [PeerFact]
    public void Every_option_of_the_peer_is_in_our_help()
    {
        var theirs = OptionPattern().Matches(Run(RealParts.Default.Virtiofsd, "--help")).Select(match => match.Groups[1].Value);
        var ours = Run(Daemon.Program, "--help");

        Assert.All(theirs.Distinct().Except(s_unshown), option => Assert.Contains($"{option} ", ours, StringComparison.Ordinal));
    }

    static (string? Type, IEnumerable<string?> Features) Capabilities(string program)
    {
        using var json = JsonDocument.Parse(Run(program, "--print-capabilities"));
        var features = json.RootElement.GetProperty("features").EnumerateArray().Select(feature => feature.GetString()).ToArray();
        return (json.RootElement.GetProperty("type").GetString(), features);
    }

    static string Run(string program, string argument)
    {
        using var child = ChildProcess.Launch(program, [argument]);
        Assert.True(child.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, child.ExitCode);
        return child.OutputText;
    }

    [GeneratedRegex("^ +(?:-[A-Za-z], )?(--[a-z][a-z0-9-]+)", RegexOptions.Multiline)]
    private static partial Regex OptionPattern();
}
