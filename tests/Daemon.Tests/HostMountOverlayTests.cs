using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A mounted directory as the upper and work directory of this host's overlayfs.</summary>
public sealed class HostMountOverlayTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public HostMountOverlayTests()
    {
        foreach (var name in new[] { "share", "mnt", "lower", "lower/kept", "lower/gone", "merged" })
            Directory.CreateDirectory(_directory[name]);
        File.WriteAllText(_directory["lower/kept/file"], "below");
        File.WriteAllText(_directory["lower/gone/file"], "below");
    }

    public void Dispose()
    {
        _ = Mounting.Unmount(_directory["merged"], Mounting.MNT_DETACH);
        _ = Mounting.Unmount(_directory["mnt"], Mounting.MNT_DETACH);
        _directory.Dispose();
    }

    [HostOverlayFact]
    public void Overlayfs_keeps_all_its_kinds_of_changes_in_a_served_directory()
    {
        using var daemon = ChildProcess.Start(Daemon.Program, ["mount", "--foreground", "--xattr", _directory["share"], _directory["mnt"]], readyText: "Mounted on");
        Directory.CreateDirectory(_directory["mnt/fs"]);
        Directory.CreateDirectory(_directory["mnt/work"]);
        var data = $"lowerdir={_directory["lower"]},upperdir={_directory["mnt/fs"]},workdir={_directory["mnt/work"]},index=off,redirect_dir=on";
        Assert.Equal(0, Mounting.Mount("overlay", _directory["merged"], "overlay", 0, data));

        File.AppendAllText(_directory["merged/kept/file"], " and above");
        Directory.Move(_directory["merged/kept"], _directory["merged/moved"]);
        Directory.Delete(_directory["merged/gone"], recursive: true);
        Directory.CreateDirectory(_directory["merged/gone"]);

        Assert.Equal("below and above", File.ReadAllText(_directory["merged/moved/file"]));
        Assert.Equal(["gone", "moved"], Directory.GetDirectories(_directory["merged"]).Select(Path.GetFileName).Order());
        Assert.Empty(Directory.GetFileSystemEntries(_directory["merged/gone"]));
        Assert.Equal(0, Mounting.Unmount(_directory["merged"], 0));
        Assert.Equal("below and above", File.ReadAllText(_directory["share/fs/moved/file"]));
        Assert.Equal(["gone", "kept", "moved"], Directory.GetFileSystemEntries(_directory["share/fs"]).Select(Path.GetFileName).Order());
    }
}
