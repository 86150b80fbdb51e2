using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest without initramfs, whose kernel mounts a directory of the host as root.</summary>
public sealed class DirectRootBoot : GuestBoot
{
    internal override GuestChecks Checks { get; } = new("direct-root.sh");

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        var options = new GuestOptions { Script = Checks.Script, Root = GuestRoot.Direct("root") };
        GuestTree.For(options, RealParts.Default).WriteTo(Directory.Share);
        return options with { FileSystems = [await ServeAsync("root", Directory.Share, requestQueues: 1)] };
    }
}
