using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A test that mounts on this host: needs root and /dev/fuse. Skipped where they lack, but not in CI.</summary>
public sealed class HostMountFactAttribute : FactAttribute
{
    public HostMountFactAttribute()
    {
        if (!DevCache.IsCi && (ProcessIdentity.EffectiveUid != 0 || !File.Exists("/dev/fuse")))
            Skip = "mounting needs root and /dev/fuse";
    }
}
