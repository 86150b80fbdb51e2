using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary><c>virtiofs-store mount</c> as a person types it: it returns, and something goes on serving.</summary>
public sealed class BackgroundMountTests : IDisposable
{
    readonly MountedShare _share = new();

    public void Dispose() => _share.Dispose();

    [HostMountFact]
    public void Mount_returns_once_the_mount_can_be_used()
    {
        File.WriteAllText(Path.Combine(_share.Share, "f"), "served");

        var (code, output, error) = _share.MountInBackground();

        Assert.Equal((0, "", ""), (code, output, error));
        Assert.Equal("served", File.ReadAllText(_share.Mounted("f")));
    }

    [HostMountFact]
    public void The_server_belongs_to_no_terminal_and_keeps_no_directory_busy()
    {
        _share.MountInBackground();

        var pid = _share.Record.GetProperty("pid").GetInt32();
        // proc(5): after the name come state, parent, process group and session.
        var fields = File.ReadAllText($"/proc/{pid}/stat").Split(") ")[1].Split(' ');

        Assert.Equal(pid.ToString(), fields[3]);
        Assert.Equal("/", new FileInfo($"/proc/{pid}/cwd").LinkTarget);
        Assert.Equal(_share.LogFile, new FileInfo($"/proc/{pid}/fd/2").LinkTarget);
    }

    [HostMountFact]
    public void The_log_tells_of_the_mount_from_its_start_to_its_end()
    {
        _share.MountInBackground();
        _share.Unmount();

        var log = File.ReadAllText(_share.LogFile);

        Assert.Contains($"Mounting {_share.Share} on {_share.MountPoint}", log, StringComparison.Ordinal);
        Assert.Contains("requests:", log, StringComparison.Ordinal);
    }

    [HostMountFact]
    public void A_failure_is_told_in_one_line_and_by_the_exit_code()
    {
        var (code, _, error) = Daemon.Run("mount", "--log-file", _share.LogFile, $"oci:{_share["absent"]}", _share.MountPoint);

        Assert.Equal(1, code);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.Contains(_share["absent"], error, StringComparison.Ordinal);
        Assert.Contains(_share["absent"], File.ReadAllText(_share.LogFile), StringComparison.Ordinal);
    }

    [HostMountFact]
    public void A_log_that_cannot_be_written_is_named()
    {
        Directory.CreateDirectory(_share.LogFile);

        var (code, _, error) = _share.MountInBackground();

        Assert.Equal(1, code);
        Assert.Contains(_share.LogFile, error, StringComparison.Ordinal);
        Assert.Null(_share.Mount);
    }

    [HostMountFact]
    public void A_directory_can_be_mounted_over_itself()
    {
        File.WriteAllText(Path.Combine(_share.MountPoint, "f"), "below");

        var (code, _, error) = Daemon.Run("mount", "--log-file", _share.LogFile, _share.MountPoint, _share.MountPoint);

        Assert.True(code == 0, error);
        Assert.Equal("below", File.ReadAllText(_share.Mounted("f")));
    }

    [HostMountFact]
    public void A_mount_point_inside_the_source_is_refused()
    {
        var inside = Directory.CreateDirectory(Path.Combine(_share.Share, "a", "b")).FullName;

        var (code, _, error) = Daemon.Run("mount", "--log-file", _share.LogFile, _share.Share, inside);

        Assert.Equal(1, code);
        Assert.Contains("serve itself", error, StringComparison.Ordinal);
    }
}
