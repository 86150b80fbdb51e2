using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary><c>virtiofs-store umount</c>, with a server that is alive and with one that is not.</summary>
public sealed class HostUmountTests : IDisposable
{
    readonly MountedShare _share = new();

    public void Dispose() => _share.Dispose();

    [HostMountFact]
    public void Umount_returns_when_the_server_has_ended_and_nothing_is_left()
    {
        _share.MountInBackground();
        var (pid, record) = (_share.Record.GetProperty("pid").GetInt32(), _share.RecordFile);

        var (code, _, error) = _share.Unmount();

        Assert.Equal((0, ""), (code, error));
        Assert.Null(new FileInfo($"/proc/{pid}/exe").LinkTarget);
        Assert.False(File.Exists(record));
        Assert.Null(_share.Mount);
    }

    [HostMountFact]
    public void A_mount_in_use_stays_and_the_error_says_what_to_do()
    {
        _share.MountInBackground();
        using var open = File.Create(_share.Mounted("f"));

        var (code, _, error) = _share.Unmount();

        Assert.Equal(1, code);
        Assert.Contains("--lazy", error, StringComparison.Ordinal);
        Assert.NotNull(_share.Mount);
    }

    [HostMountFact]
    public void A_lazy_unmount_lets_the_last_user_finish()
    {
        using var server = _share.Serve();
        using (var open = File.Create(_share.Mounted("f")))
        {
            var (code, _, error) = _share.Unmount("--lazy");
            Assert.Equal((0, ""), (code, error));
            Assert.Null(_share.Mount);
            open.Write("to the end"u8);
        }

        Assert.True(server.WaitForExit(TimeSpan.FromSeconds(120)), server.ErrorText);
        Assert.Equal("to the end", File.ReadAllText(Path.Combine(_share.Share, "f")));
    }

    [HostMountFact]
    public void The_mount_of_a_killed_server_is_unmounted_and_its_end_told_and_logged()
    {
        _share.MountInBackground();
        var (pid, record) = (_share.Record.GetProperty("pid").GetInt32(), _share.RecordFile);
        KillAndAwait(pid);

        var (code, _, error) = _share.Unmount();

        Assert.Equal(0, code);
        Assert.Contains($"pid {pid}", error, StringComparison.Ordinal);
        Assert.Contains("killed or crashed", error, StringComparison.Ordinal);
        Assert.Contains(_share.LogFile, error, StringComparison.Ordinal);
        Assert.Contains("killed or crashed", File.ReadAllText(_share.LogFile), StringComparison.Ordinal);
        Assert.Null(_share.Mount);
        Assert.False(File.Exists(record));
    }

    [HostMountFact]
    public void Mounting_over_a_dead_mount_says_how_it_is_taken_away()
    {
        _share.MountInBackground();
        KillAndAwait(_share.Record.GetProperty("pid").GetInt32());

        var (code, _, error) = _share.MountInBackground();

        Assert.Equal(1, code);
        Assert.Contains($"virtiofs-store umount {_share.MountPoint}", error, StringComparison.Ordinal);
        Assert.Equal(0, _share.Unmount().ExitCode);
        Assert.Equal(0, _share.MountInBackground().ExitCode);
    }

    [HostMountFact]
    public void What_is_not_ours_is_left_alone()
    {
        var (plain, _, plainError) = _share.Unmount();
        var (foreign, _, foreignError) = Daemon.Run("umount", "/proc");

        Assert.Equal((1, 1), (plain, foreign));
        Assert.Contains("not a mount point", plainError, StringComparison.Ordinal);
        Assert.Contains("umount(8)", foreignError, StringComparison.Ordinal);
    }

    [HostMountFact]
    public void A_stopped_server_leaves_alone_what_was_mounted_over_it()
    {
        using var lower = _share.Serve();
        var (code, _, error) = Daemon.Run("mount", "--log-file", _share.LogFile, _share.Share, _share.MountPoint);
        Assert.True(code == 0, error);
        var covering = _share.Mount;

        lower.Terminate();

        Assert.True(SpinWait.SpinUntil(() => lower.ErrorText.Contains("covered by another mount", StringComparison.Ordinal), TimeSpan.FromSeconds(60)), lower.ErrorText);
        Assert.Equal(covering, _share.Mount);
    }

    static void KillAndAwait(int pid)
    {
        using var server = new FileDescriptor(SystemCallException.ThrowIfError(Processes.OpenDescriptor(pid), "pidfd_open"));
        using var process = System.Diagnostics.Process.GetProcessById(pid);
        process.Kill();
        var entry = new PollEntry(server.Value, Polling.POLLIN);
        Assert.Equal(1, Polling.Poll(new Span<PollEntry>(ref entry), 60_000));
    }
}
