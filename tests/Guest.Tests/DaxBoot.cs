using System.Diagnostics;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>
/// A guest with windows: an image of which nothing is in the store before it is read, in one that its files do not fit into; one that is shared; and a
/// directory. The host collects the store's cache while the guest reads.
/// </summary>
public sealed class DaxBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("dax.sh");

    /// <summary>How often the cache was collected, and the exit codes other than 0.</summary>
    internal (int Count, List<int> Failures) Collections { get; private set; }

    string Store => Directory.Create("store");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        var whole = new byte[1 << 20];
        for (var i = 0; i < whole.Length; i++)
            whole[i] = (byte)(i % 251);
        await File.WriteAllBytesAsync(Path.Combine(Directory.Share, "whole"), whole);
        await File.WriteAllBytesAsync(Path.Combine(Directory.Share, "target"), new byte[1 << 16]);
        await File.WriteAllBytesAsync(Path.Combine(Directory.Share, "answer"), new byte[4096]);
        var source = $"oci:{RealParts.Default.DemoImage}:latest";
        var image = await ServeAsync("image", $"oci:{RealParts.Default.ChunkedImage}:latest", 1, "--store", Store, "--tag", "image", "--dax-window", "64M", "--stats");
        var lent = await ServeAsync("lent", source, 1, "--store", Directory.Create("whole-store"), "--tag", "lent", "--dax-window", "64M", "--stats");
        var plain = await ServeAsync("plain", source, 1, "--store", Store);
        var own = await ServeAsync("own", Directory.Share, 1, "--tag", "own", "--dax-window", "64M", "--dax-writable", "--stats");
        var share = await ServeAsync("share", Directory.Share, 1, "--tag", "share", "--dax-window", "64M", "--stats");
        return new()
        {
            Tools = true,
            MemoryMiB = 768,
            FileSystems = [image with { Window = true }, lent with { Window = true }, plain, share with { Window = true }, own with { Window = true }],
        };
    }

    private protected override async Task AssistAsync(GuestMachine machine)
    {
        await machine.WaitForOutputAsync("host: start");
        using var end = new CancellationTokenSource();
        var collecting = CollectAsync(end.Token);
        await machine.SendLineAsync("done");
        await machine.WaitForOutputAsync("host: stop");
        await end.CancelAsync();
        Collections = await collecting;
        await machine.SendLineAsync("done");

        await machine.WaitForOutputAsync("host: look");
        var written = await File.ReadAllBytesAsync(Path.Combine(Directory.Share, "whole"));
        await using (var answer = File.OpenWrite(Path.Combine(Directory.Share, "answer")))
            await answer.WriteAsync(written.AsMemory(4090, 10));
        await machine.SendLineAsync("done");
    }

    async Task<(int Count, List<int> Failures)> CollectAsync(CancellationToken end)
    {
        var (count, failures) = (0, new List<int>());
        do
        {
            using var collection = Process.Start(DaemonProcess.Metadata("Daemon"), ["cache", "gc", "--keep", "8M", "--store", Store]);
            await collection.WaitForExitAsync(CancellationToken.None);
            count++;
            if (collection.ExitCode != 0)
                failures.Add(collection.ExitCode);
        }
        while (!end.IsCancellationRequested);
        return (count, failures);
    }
}
