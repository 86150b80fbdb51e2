namespace VirtioFsStore.Core.Storage;

/// <summary>A part of a file that can be mapped, as its file system answers it: valid until <see cref="IMappable.Unmap"/>.</summary>
public readonly struct MappedExtent
{
    /// <summary>What is mapped: open for reading, and for writing where <see cref="IsWritable"/>.</summary>
    public int Descriptor { get; init; }

    /// <summary>Whether the caller closes <see cref="Descriptor"/> once the VMM has it.</summary>
    public bool IsCallersDescriptor { get; init; }

    /// <summary>Where the part begins in <see cref="Descriptor"/>: bytes, whole pages.</summary>
    public ulong FileOffset { get; init; }

    /// <summary>Bytes, whole pages that the file has; at least one, and at most as many as were asked for.</summary>
    public ulong Length { get; init; }

    /// <summary>
    /// Bytes of whole pages behind <see cref="Length"/> that the file does not have yet: mapped by themselves, so that the guest, which
    /// takes all that it asked for to be mapped, sees what the file grows by.
    /// </summary>
    public ulong GrowthLength { get; init; }

    /// <summary>More than was asked for is allowed: the guest then needs no second mapping when it begins to write.</summary>
    public bool IsWritable { get; init; }

    /// <summary>The file system's own note.</summary>
    public long Note { get; init; }
}
