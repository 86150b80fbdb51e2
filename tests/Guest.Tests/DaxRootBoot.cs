using System.Globalization;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>Two guests at once whose root is the same image of one store, each by way of a window of its own.</summary>
public sealed class DaxRootBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("dax-root.sh");

    /// <summary>What became of the second guest's checks.</summary>
    internal CheckResults? Second { get; private set; }

    /// <summary>Bytes that each VMM has mapped of the store's own files, while both guests are there.</summary>
    internal IReadOnlyList<long> MappedOfStore { get; private set; } = [];

    private protected override async Task<GuestOptions> PrepareAsync() => Guest(await ServeRootAsync("first"));

    private protected override async Task AssistAsync(GuestMachine machine)
    {
        var options = Guest(await ServeRootAsync("second")) with { Script = Checks.Script, Timeout = TimeSpan.FromMinutes(5) };
        await using var second = await GuestMachine.StartAsync(options);
        GuestMachine[] both = [machine, second];
        foreach (var guest in both)
            await guest.WaitForOutputAsync("host: look");
        MappedOfStore = [.. both.Select(guest => MappedOf(guest.ProcessId))];
        foreach (var guest in both)
            await guest.SendLineAsync("done");
        Second = new CheckResults((await second.WaitForExitAsync()).Output);
    }

    long MappedOf(int process) => File.ReadLines($"/proc/{process}/maps")
        .Where(line => line.Contains(Directory.Create("store"), StringComparison.Ordinal))
        .Select(line => Array.ConvertAll(line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-'), number => long.Parse(number, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))
        .Sum(range => range[1] - range[0]);

    async Task<FileSystemDevice> ServeRootAsync(string name) =>
        await ServeAsync(name, $"oci:{RealParts.Default.DemoImage}:latest", 1, "--store", Directory.Create("store"), "--tag", "root", "--dax-window", "1G", "--stats")
            with
        { Tag = "root", Window = true };

    static GuestOptions Guest(FileSystemDevice root) => new() { Root = GuestRoot.Overlay("root"), FileSystems = [root] };
}
