using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>
/// A guest that mounts containers' roots as Kata does with nydusd: images and a share of one daemon, under overlayfs; mounted over the
/// daemon's API before the guest is there and while it runs.
/// </summary>
public sealed class OverlayBoot : GuestBoot
{
    static readonly string Image = $"oci:{RealParts.Default.DemoImage}:latest";

    NydusApi? _api;

    internal override GuestChecks Checks { get; } = new("overlay.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        File.Copy(RealParts.Default.Package, Path.Combine(Directory.Share, "hello.deb"));
        (var device, _api) = await ServeNydusAsync("kataShared", "--store", Directory.Create("store"));
        await _api.MountAsync("/containers", "passthrough_fs", Directory.Share);
        await _api.MountAsync("/rafs/c/lowerdir", "rafs", Image);
        return new()
        {
            Tools = true,
            OverlayModule = true,
            FileSystems = [device],
            Mounts = [("kataShared", "/run/kata-containers/shared")],
        };
    }

    private protected override async Task AssistAsync(GuestMachine machine)
    {
        using var api = _api!;
        foreach (var (word, act) in ((string, Func<Task>)[])[
            ("mount another", () => api.MountAsync("/rafs/another/lowerdir", "rafs", Image)),
            ("unmount another", () => api.UnmountAsync("/rafs/another/lowerdir")),
            ("unmount all", () => Task.WhenAll(api.UnmountAsync("/rafs/c/lowerdir"), api.UnmountAsync("/containers")))])
        {
            await machine.WaitForOutputAsync($"host: {word}");
            await act();
            await machine.SendLineAsync("done");
        }
    }
}
