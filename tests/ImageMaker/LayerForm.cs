namespace VirtioFsStore.ImageMaker;

/// <summary>How a layer's tar is compressed.</summary>
public enum LayerForm
{
    Plain,
    Gzip,

    /// <summary>Several gzip members one after another, as eStargz and pigz write.</summary>
    GzipMembers,
    Zstd,

    /// <summary>Several zstd frames.</summary>
    ZstdFrames,
}
