namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What one entry of a layer is. The numbers are stored in the layer index.</summary>
public enum LayerEntryType
{
    Directory = 1,
    Regular = 2,
    Symlink = 3,
    CharacterDevice = 4,
    BlockDevice = 5,
    Fifo = 6,

    /// <summary>Another name for <see cref="LayerEntry.Link"/>, a path that is resolved only when layers are merged.</summary>
    HardLink = 7,

    /// <summary><c>.wh.NAME</c>: <see cref="LayerEntry.Path"/> is the path that it hides in lower layers.</summary>
    Whiteout = 8,

    /// <summary><c>.wh..wh..opq</c>: <see cref="LayerEntry.Path"/> is the directory whose lower content is hidden.</summary>
    Opaque = 9,
}
