namespace VirtioFsStore.Core.Storage;

/// <summary>An inode's position within one file system: 1 is its root, 0 is none; at most <see cref="MaxValue"/>. The router adds the mount.</summary>
public readonly record struct NodeId(ulong Value)
{
    /// <summary>44 bits: the upper 20 of a FUSE nodeid name the mount.</summary>
    public const ulong MaxValue = (1UL << 44) - 1;

    public static NodeId Root => new(1);

    public static NodeId None => default;

    public bool IsNone => Value == 0;
}
