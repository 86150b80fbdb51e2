using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A mounted directory as the upper and work directory of this host's overlayfs.</summary>
public sealed class HostMountOverlayTests : IDisposable
{
    readonly MountedShare _share = new();

    public HostMountOverlayTests()
    {
        foreach (var name in new[] { "lower", "lower/kept", "lower/gone", "merged" })
            Directory.CreateDirectory(_share[name]);
        File.WriteAllText(_share["lower/kept/file"], "below");
        File.WriteAllText(_share["lower/gone/file"], "below");
    }

    public void Dispose()
    {
        _ = Mounting.Unmount(_share["merged"], Mounting.MNT_DETACH);
        _share.Dispose();
    }

    [HostOverlayFact]
    public void Overlayfs_keeps_all_its_kinds_of_changes_in_a_served_share()
    {
        using var daemon = _share.Serve("--xattr");
        Directory.CreateDirectory(_share["mnt/fs"]);
        Directory.CreateDirectory(_share["mnt/work"]);
        var data = $"lowerdir={_share["lower"]},upperdir={_share["mnt/fs"]},workdir={_share["mnt/work"]},index=off,redirect_dir=on";
        Assert.Equal(0, Mounting.Mount("overlay", _share["merged"], "overlay", 0, data));

        File.AppendAllText(_share["merged/kept/file"], " and above");
        Directory.Move(_share["merged/kept"], _share["merged/moved"]);
        Directory.Delete(_share["merged/gone"], recursive: true);
        Directory.CreateDirectory(_share["merged/gone"]);

        Assert.Equal("below and above", File.ReadAllText(_share["merged/moved/file"]));
        Assert.Equal(["gone", "moved"], Directory.GetDirectories(_share["merged"]).Select(Path.GetFileName).Order());
        Assert.Empty(Directory.GetFileSystemEntries(_share["merged/gone"]));
        Assert.Equal(0, Mounting.Unmount(_share["merged"], 0));
        Assert.Equal("below and above", File.ReadAllText(_share["share/fs/moved/file"]));
        Assert.Equal(["gone", "kept", "moved"], Directory.GetFileSystemEntries(_share["share/fs"]).Select(Path.GetFileName).Order());
    }
}
