using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest with two CPUs, and a share with two request queues.</summary>
public sealed class ShareBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("share.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        Directory.WriteShared("changing", "before\n");
        var share = await ServeAsync("share", Directory.Share, requestQueues: 2, "--xattr");
        return new()
        {
            Tools = true,
            Cpus = 2,
            FileSystems = [share],
            Mounts = [("share", "/share")],
        };
    }

    private protected override async Task AssistAsync(GuestMachine machine)
    {
        await machine.WaitForOutputAsync("host: change");
        Directory.WriteShared("changing", "after, and longer\n");
        await machine.SendLineAsync("done");
    }
}
