using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest in the QEMU that Debian 12 brings.</summary>
public sealed class OldQemuBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("old-qemu.sh");

    private protected override async Task<GuestOptions> PrepareAsync() => new()
    {
        Qemu = RealParts.HostQemu,
        FileSystems = [await ServeAsync("share", Directory.Share, requestQueues: 1)],
        Mounts = [("share", "/share")],
    };
}
