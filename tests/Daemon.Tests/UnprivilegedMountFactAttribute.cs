using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A test that mounts by fusermount3: needs it, and root to become another user. Skipped where they lack, but not in CI.</summary>
public sealed class UnprivilegedMountFactAttribute : FactAttribute
{
    public UnprivilegedMountFactAttribute()
    {
        if (!DevCache.IsCi && (ProcessIdentity.EffectiveUid != 0 || !File.Exists("/dev/fuse") || !File.Exists("/usr/bin/fusermount3")))
            Skip = "needs root, /dev/fuse and fusermount3, which eng/setup installs";
    }
}
