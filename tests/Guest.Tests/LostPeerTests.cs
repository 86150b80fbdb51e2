using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>One of the two sides goes away in the middle of the guest's work.</summary>
public sealed class LostPeerTests
{
    // Keeps requests in flight for as long as the guest lives.
    const string BusyScript = """
        dd if=/dev/zero of=/share/durable bs=1M count=1 conv=fsync 2> /dev/null
        echo busy
        while dd if=/dev/zero of=/share/busy bs=64k count=16 conv=fsync 2> /dev/null; do :; done
        """;

    [GuestFact]
    public async Task A_killed_VMM_ends_the_daemon_and_leaves_what_was_synced()
    {
        using var directory = new TestDirectory();
        await using var daemon = await DaemonProcess.StartAsync(directory.Root, directory.Share);
        await using var machine = await GuestMachine.StartAsync(BusyGuest(daemon));
        await machine.WaitForOutputAsync("busy");

        machine.Kill();

        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.False(File.Exists(daemon.Socket));
        Assert.Equal(1 << 20, new FileInfo(Path.Combine(directory.Share, "durable")).Length);
    }

    [GuestFact]
    public async Task SIGTERM_ends_the_daemon_under_a_busy_guest()
    {
        using var directory = new TestDirectory();
        await using var daemon = await DaemonProcess.StartAsync(directory.Root, directory.Share);
        await using var machine = await GuestMachine.StartAsync(BusyGuest(daemon));
        await machine.WaitForOutputAsync("busy");

        await daemon.TerminateAsync();

        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.False(File.Exists(daemon.Socket));
    }

    static GuestOptions BusyGuest(DaemonProcess daemon) => new()
    {
        Script = BusyScript,
        FileSystems = [new("share", daemon.Socket)],
        Mounts = [("share", "/share")],
    };
}
