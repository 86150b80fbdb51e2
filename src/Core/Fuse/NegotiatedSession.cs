using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>What INIT agreed on. Immutable; a new INIT makes a new one.</summary>
sealed class NegotiatedSession(uint minor, InitFlags flags, SessionPolicy policy, WindowTerms terms)
{
    public uint Minor => minor;

    public InitFlags Flags => flags;

    public SessionPolicy Policy => policy;

    /// <summary>Which flags of attributes the guest is shown.</summary>
    public NodeAttributeFlags ShownFlags { get; } = NodeAttributeFlags.Submount | Mappable(flags, terms);

    public bool Has(InitFlags flag) => (flags & flag) != 0;

    static NodeAttributeFlags Mappable(InitFlags flags, WindowTerms terms)
    {
        if ((flags & InitFlags.HAS_INODE_DAX) == 0)
            return NodeAttributeFlags.None;
        return NodeAttributeFlags.Dax
            | ((terms & WindowTerms.ReadOnly) != 0 ? NodeAttributeFlags.DaxReadOnly : NodeAttributeFlags.None);
    }
}
