using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>Two shares with another file system of the host mounted in them: one of them tells.</summary>
public sealed class SubmountBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("submounts.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        var told = await ServeWithMountAsync("told", "--announce-submounts");
        var untold = await ServeWithMountAsync("untold", "--no-announce-submounts");
        return new() { FileSystems = [told, untold], Mounts = [("told", "/told"), ("untold", "/untold")] };
    }

    /// <summary>The mount is seen by the daemon alone, and ends with it.</summary>
    Task<FileSystemDevice> ServeWithMountAsync(string tag, string option)
    {
        var share = Directory.Create($"share-{tag}");
        System.IO.Directory.CreateDirectory(Path.Combine(share, "below"));
        return ServeInAsync(
            ["unshare", "--mount", "sh", "-c", $"mount -t tmpfs tmpfs '{share}/below' && echo below > '{share}/below/file' && exec \"$@\"", "sh"],
            tag, share, option);
    }
}
