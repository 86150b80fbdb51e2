using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Dax;

/// <summary>What the VMM has mapped at one place of the window.</summary>
/// <param name="Mount">Where the file is.</param>
/// <param name="Files">The mount's file system, where it keeps what is mapped; null: the bytes were copied.</param>
/// <param name="Node">The file.</param>
/// <param name="Place">What the guest asked for; the mapping is shorter where the file ends.</param>
/// <param name="Extent">What is mapped.</param>
sealed record WindowMapping(Mount Mount, IMappable? Files, NodeId Node, MappingPlace Place, MappedExtent Extent)
{
    /// <summary>In memory of this guest's own.</summary>
    public bool IsCopy => Files is null;

    public ulong Start => Place.WindowOffset;

    /// <summary>The memory of the whole window, which the VMM keeps mapped; null: the mapping is one of the VMM's own.</summary>
    public WindowMemory? Memory { get; init; }

    /// <summary>The lengths of what the VMM has mapped behind the extent, each by itself, in their order.</summary>
    public IReadOnlyList<ulong> Growth { get; init; } = [];

    /// <summary>What the VMM has to hold for it.</summary>
    public int Parts => Memory is null ? 1 + Growth.Count : 0;

    /// <summary>The end of what the VMM has mapped.</summary>
    public ulong End { get; private init; } = Place.WindowOffset + Extent.Length;

    /// <summary>Where in the file <see cref="End"/> is.</summary>
    public ulong FileEnd => Place.FileOffset + (End - Start);

    /// <summary>Where in the file the guest takes it to end.</summary>
    public ulong PlaceFileEnd => Place.FileOffset + Place.Length;

    /// <summary>Whether the file may come to have more than is mapped, where the guest takes all to be.</summary>
    public bool HasTail => !IsCopy && Extent.GrowthLength != 0 && FileEnd < PlaceFileEnd;

    public WindowMapping GrownBy(ulong length) => this with { Growth = [.. Growth, length], End = End + length };
}
