using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A test against virtiofsd, which eng/setup installs: fails in CI where it is missing, is skipped elsewhere.</summary>
sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute()
    {
        if (!File.Exists(Peer.Program) && Environment.GetEnvironmentVariable("CI") is null or "")
            Skip = $"{Peer.Program} is missing; eng/setup installs it.";
    }
}
