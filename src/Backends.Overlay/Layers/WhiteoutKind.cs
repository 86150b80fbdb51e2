namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What a name means for lower layers.</summary>
enum WhiteoutKind
{
    /// <summary>An ordinary name.</summary>
    None,

    /// <summary>A path is gone.</summary>
    Hides,

    /// <summary>A directory's lower content is gone.</summary>
    Opaque,

    /// <summary>AUFS metadata: not part of the image.</summary>
    Ignored,
}
