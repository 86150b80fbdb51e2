using VirtioFsStore.Core.Fuse.Abi;

namespace VirtioFsStore.Core.Fuse;

/// <summary>What INIT agreed on. Immutable; a new INIT makes a new one.</summary>
sealed record NegotiatedSession(uint Minor, InitFlags Flags, SessionPolicy Policy)
{
    public bool Has(InitFlags flag) => (Flags & flag) != 0;
}
