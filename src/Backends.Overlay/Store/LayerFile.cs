namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>The files of an indexed layer; the numbers are what a keeper's request carries.</summary>
public enum LayerFile
{
    /// <summary>The layer index, SQLite; serving never reads it.</summary>
    Index = 1,

    /// <summary>Content, page-aligned.</summary>
    Data = 2,

    /// <summary>Which pieces of the content are there.</summary>
    State = 3,
}
