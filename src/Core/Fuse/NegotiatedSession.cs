using VirtioFsStore.Core.Fuse.Abi;

namespace VirtioFsStore.Core.Fuse;

/// <summary>What INIT agreed on. Immutable; a new INIT makes a new one.</summary>
sealed class NegotiatedSession(uint minor, InitFlags flags, SessionPolicy policy)
{
    public uint Minor => minor;

    public InitFlags Flags => flags;

    public SessionPolicy Policy => policy;

    public bool Has(InitFlags flag) => (flags & flag) != 0;
}
