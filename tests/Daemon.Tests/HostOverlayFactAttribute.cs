using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A <see cref="HostMountFactAttribute"/> that needs this kernel's overlayfs, which a kernel of a virtual machine may lack.</summary>
public sealed class HostOverlayFactAttribute : FactAttribute
{
    public HostOverlayFactAttribute()
    {
        if (new HostMountFactAttribute().Skip is { } reason)
            Skip = reason;
        else if (ProcessIdentity.EffectiveUid == 0 && !File.ReadAllText("/proc/filesystems").Contains("\toverlay\n", StringComparison.Ordinal))
            Skip = "this kernel has no overlayfs (the same is tested in a guest)";
    }
}
