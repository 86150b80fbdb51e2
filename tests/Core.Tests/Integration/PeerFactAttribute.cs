using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A test against virtiofsd, which eng/setup installs: fails in CI where it is missing, is skipped elsewhere.</summary>
sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute()
    {
        if (!DevCache.IsCi && !File.Exists(Peer.Program))
            Skip = $"{Peer.Program} is missing; eng/setup installs it.";
    }
}
