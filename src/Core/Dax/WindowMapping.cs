using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Dax;

/// <summary>What the VMM has mapped at one place of the window.</summary>
/// <param name="Mount">Where the file is.</param>
/// <param name="Files">The mount's file system.</param>
/// <param name="Node">The file.</param>
/// <param name="Place">What the guest asked for; the mapping is shorter where the file ends.</param>
/// <param name="Extent">What is mapped.</param>
sealed record WindowMapping(Mount Mount, IMappable Files, NodeId Node, MappingPlace Place, MappedExtent Extent)
{
    public ulong Start => Place.WindowOffset;

    /// <summary>Where <see cref="GrowthLength"/> begins.</summary>
    public ulong GrowthStart => Place.WindowOffset + Extent.Length;

    /// <summary>What the VMM has mapped behind the file's end: all of the extent's, or nothing.</summary>
    public ulong GrowthLength { get; init; }

    /// <summary>The end of what the VMM has mapped.</summary>
    public ulong End => GrowthStart + GrowthLength;
}
