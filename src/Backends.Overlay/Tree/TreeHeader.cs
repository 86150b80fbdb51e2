using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>The first bytes of a tree file: 264 bytes, little-endian.</summary>
[StructLayout(LayoutKind.Sequential)]
struct TreeHeader
{
    public ulong Magic;
    public uint Version;
    public uint MergePolicy;

    /// <summary>Of the whole file, in bytes.</summary>
    public ulong FileSize;

    public uint InodeCount;
    public uint EntryCount;

    /// <summary>A power of two.</summary>
    public uint SlotCount;

    public uint LayerCount;

    /// <summary>Sum of the sizes of all regular files and symlinks, hard links counted once, in bytes.</summary>
    public ulong TotalSize;

    /// <summary>Sum of what the files' data takes, in pages of 4096 bytes.</summary>
    public ulong TotalPages;

    /// <summary>The key of <see cref="NameHash"/>.</summary>
    public ulong HashFirst;

    public ulong HashSecond;

    public TreeSections Sections;

    /// <summary>What the tree was made from: <see cref="TreeKey"/>.</summary>
    public Sha256Value Key;

    /// <summary>SHA-256 of the whole file with this field zero.</summary>
    public Sha256Value Digest;
}
