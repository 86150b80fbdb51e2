using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary><c>virtiofs-store mount</c>: sources used by this host's own kernel.</summary>
public sealed class HostMountTests : IDisposable
{
    /// <summary>A namespace that another test makes meanwhile has a copy of the mount, and the server ends with the last copy.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    readonly TemporaryDirectory _directory = new();

    public HostMountTests()
    {
        Directory.CreateDirectory(_directory["share"]);
        Directory.CreateDirectory(MountPoint);
    }

    string MountPoint => _directory["mnt"];

    public void Dispose()
    {
        // Nothing is left mounted by a test that failed half-way.
        _ = Mounting.Unmount(MountPoint, Mounting.MNT_DETACH);
        _directory.Dispose();
    }

    [HostMountFact]
    public void A_mounted_directory_is_read_and_written_and_ends_when_it_is_unmounted()
    {
        using var daemon = Mount(_directory["share"]);

        Directory.CreateDirectory(Path.Combine(MountPoint, "d"));
        File.WriteAllText(Path.Combine(MountPoint, "d", "f"), "through the kernel");
        File.Move(Path.Combine(MountPoint, "d", "f"), Path.Combine(MountPoint, "g"));

        Assert.Equal("through the kernel", File.ReadAllText(Path.Combine(_directory["share"], "g")));
        Assert.Equal(0, Mounting.Unmount(MountPoint, 0));
        Assert.True(daemon.WaitForExit(s_patience), daemon.ErrorText);
        Assert.Equal(0, daemon.ExitCode);
        Assert.Contains("requests:", daemon.ErrorText, StringComparison.Ordinal);
    }

    [HostMountFact]
    public void A_mounted_image_is_read_only_for_the_kernel()
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["etc/hello"] = "from a layer"u8.ToArray() });
        using var daemon = Mount($"oci:{_directory["image"]}:latest", "--store", _directory["store"]);

        Assert.Equal("from a layer", File.ReadAllText(Path.Combine(MountPoint, "etc", "hello")));
        Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(MountPoint, "new"), ""));
    }

    [HostMountFact]
    public void Sigterm_unmounts()
    {
        using var daemon = Mount(_directory["share"]);

        daemon.Terminate();

        Assert.True(daemon.WaitForExit(s_patience), daemon.ErrorText);
        Assert.Equal(0, daemon.ExitCode);
        Assert.Equal((int)Errno.EINVAL, -Mounting.Unmount(MountPoint, 0));
    }

    [HostMountFact]
    public void A_killed_daemon_leaves_a_mount_that_can_be_unmounted()
    {
        using var daemon = Mount(_directory["share"]);

        daemon.Kill();

        Assert.True(daemon.WaitForExit(s_patience));
        Assert.Throws<IOException>(() => Directory.GetFiles(MountPoint));
        Assert.Equal(0, Mounting.Unmount(MountPoint, 0));
    }

    [HostMountFact]
    public void A_mount_point_that_is_not_there_is_one_clear_line()
    {
        var (code, _, error) = Daemon.Run("mount", "--log-file", _directory["log"], _directory["share"], _directory["absent"]);

        Assert.Equal(1, code);
        Assert.Contains(_directory["absent"], error, StringComparison.Ordinal);
    }

    ChildProcess Mount(string source, params ReadOnlySpan<string> arguments) =>
        ChildProcess.Start(Daemon.Program, ["mount", "--foreground", source, MountPoint, .. arguments], readyText: "Mounted on");
}
