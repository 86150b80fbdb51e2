namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>What a section holds; the order in which they lie in the file.</summary>
enum TreeSectionKind
{
    /// <summary><see cref="LayerRecord"/>s, lowest layer first.</summary>
    Layers = 0,

    /// <summary><see cref="InodeRecord"/>s; the first is the root.</summary>
    Inodes = 1,

    /// <summary>The hash table of names: <see cref="SlotRecord"/>s.</summary>
    Slots = 2,

    /// <summary><see cref="EntryRecord"/>s, directory by directory, each sorted by name.</summary>
    Entries = 3,

    /// <summary>The bytes of the names, in the order of the entries.</summary>
    Names = 4,

    /// <summary>The bytes of symlink targets.</summary>
    Links = 5,

    /// <summary>Xattr blocks.</summary>
    Xattrs = 6,

    /// <summary>Maps of files with holes or with more than one piece.</summary>
    Maps = 7,
}
