using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What a daemon logs of its guest's window, at SIGUSR1 and at its end.</summary>
public sealed partial class WindowCountsTests : IDisposable
{
    const long Range = 2 << 20;
    const long Page = 4096;

    readonly TemporaryDirectory _directory = new();

    public WindowCountsTests() =>
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["f"] = new byte[Range], ["g"] = new byte[10] });

    public void Dispose() => _directory.Dispose();

    /// <summary>Of each line so far: mappings, parts, the most parts, bytes mapped, copied now, copied so far.</summary>
    static long[][] Lines(ChildProcess daemon) =>
    [
        .. Line().Matches(daemon.ErrorText)
            .Select(line => line.Groups.Values.Skip(1).Select(group => long.Parse(group.ValueSpan, CultureInfo.InvariantCulture)).ToArray()),
    ];

    [Theory]
    [InlineData("none", false)]
    [InlineData("none", true)]
    [InlineData("namespace", false)]
    [InlineData("namespace", true)]
    public void A_window_is_told_of_when_it_is_asked_for_and_at_the_end(string sandbox, bool copied)
    {
        var socket = _directory["vfs.sock"];
        using var daemon = Daemon.Serve(
            socket, $"oci:{_directory["image"]}:latest", "--store", _directory["store"], "--tag", "t", "--dax-window", "64M", "--dax-share", "never", "--stats", "--sandbox", sandbox);
        using var machine = VirtualMachine.Mount(socket, new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = copied });
        Assert.Equal(0, machine.Fuse.SetupMapping(machine.Fuse.Walk("f").NodeId, 0, Range, 0, writable: false));
        Assert.Equal(0, machine.Fuse.SetupMapping(machine.Fuse.Walk("g").NodeId, 0, Range, Range, writable: false));
        Assert.Equal(0, machine.Fuse.RemoveMapping(new FuseRemoveMappingOne { Length = Range }));

        ServerProcesses.Signal(daemon.Id, "USR1");
        Assert.True(SpinWait.SpinUntil(() => Lines(daemon).Length == 1, TimeSpan.FromSeconds(30)));
        machine.Disconnect();
        Assert.True(daemon.WaitForExit(TimeSpan.FromSeconds(30)));

        Assert.Equal(copied ? [[1, 1, 1, Page, Page, Range + Page], [0, 0, 1, 0, 0, Range + Page]] : [[1, 1, 2, Page, 0, 0], [0, 0, 2, 0, 0, 0]], Lines(daemon));
    }

    [GeneratedRegex(@"window: (\d+) mappings, (\d+) parts at the VMM \(at most (\d+) so far\), (\d+) bytes mapped, (\d+) of them copied for this guest; (\d+) bytes copied so far")]
    private static partial Regex Line();
}
