namespace VirtioFsStore.Core.Storage;

/// <summary>
/// A name's answer: its inode, attributes and for how long both hold. Each entry given out counts as one lookup of the
/// node, which the guest gives back with FORGET. A <see cref="Node"/> of 0 is a negative entry: the name is known not to exist.
/// </summary>
public struct Entry
{
    public NodeId Node;

    /// <summary>Tells apart inodes that had the same node id at different times.</summary>
    public ulong Generation;

    public Validity EntryValidity;
    public Validity AttributesValidity;
    public NodeAttributes Attributes;

    /// <summary>The name does not exist, and the guest may remember that.</summary>
    public static Entry Negative(Validity validity) => new() { EntryValidity = validity };
}
