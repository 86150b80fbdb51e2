namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>What the layers of an image add up to: node 0 is the root. Read-only once a <see cref="LayerMerger"/> gave it out.</summary>
sealed class MergedImage(
    NameTable names, ByteHeap links, ByteHeap xattrs, ByteHeap sparse, IReadOnlyList<MergedLayer> layers, MergeBudget budget)
{
    public NameTable Names { get; } = names;

    public StructList<MergedNode> Nodes { get; } = names.Nodes;

    public IReadOnlyList<MergedLayer> Layers { get; } = layers;

    /// <summary>What is left of it may be used for the tree.</summary>
    public MergeBudget Budget { get; } = budget;

    /// <summary>All xattr blocks; the first byte is unused so that 0 can mean none.</summary>
    public ByteHeap Xattrs { get; } = xattrs;

    public ReadOnlySpan<byte> LinkOf(in MergedNode node) => links.Get(node.Link, (int)node.Size);

    public ReadOnlySpan<byte> XattrsOf(in MergedNode node) => Xattrs.Get(node.Xattrs, node.XattrsLength);

    public ReadOnlySpan<byte> SparseOf(in MergedNode node) => sparse.Get(node.Sparse, node.SparseLength);
}
