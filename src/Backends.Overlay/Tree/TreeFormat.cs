namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>Constants of the tree file; docs/formats.md describes it.</summary>
static class TreeFormat
{
    /// <summary>"VfsTree" and a byte above 0x7f, which a transfer as text would damage; little-endian.</summary>
    public const ulong Magic = 0x8d_65_65_72_54_73_66_56;

    /// <summary>Raised with every change of the layout.</summary>
    public const uint Version = 1;

    /// <summary>Where the sections begin: room for the header to grow.</summary>
    public const int HeaderSize = 512;

    /// <summary>Every section begins at a multiple of a cache line, so that no inode record crosses one.</summary>
    public const int Alignment = 64;

    /// <summary>Unit of references into the sections of xattrs and of maps, in bytes: 32-bit references then reach 32 GiB.</summary>
    public const int ReferenceUnit = 8;

    /// <summary>Position of the root; positions count from 1.</summary>
    public const uint Root = 1;

    public const int SectionCount = 8;
}
