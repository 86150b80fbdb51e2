namespace VirtioFsStore.Core.Mounts;

/// <summary>A directory of the pseudo root: only there to lead to mount points. Immutable but for its children and what is mounted on it.</summary>
sealed class PseudoDirectory(ulong position, byte[] name, PseudoDirectory? parent)
{
    public ulong Position => position;

    public byte[] Name => name;

    public PseudoDirectory Parent => parent ?? this;

    /// <summary>Replaced as a whole when one is added; in order of their making.</summary>
    public PseudoDirectory[] Children { get; set; } = [];

    public Mount? Mounted { get; set; }

    public PseudoDirectory? Find(ReadOnlySpan<byte> child)
    {
        foreach (var candidate in Children)
        {
            if (child.SequenceEqual(candidate.Name))
                return candidate;
        }
        return null;
    }
}
