namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>The columns of a group of entries, in their order. Members are kept as a tar stream has them, whiteouts by their name.</summary>
enum EntryColumn
{
    /// <summary>A byte: <see cref="Tar.TarEntryType"/>.</summary>
    Type,
    Mode,
    Uid,
    Gid,

    /// <summary>Seconds after those of the entry before, with a sign.</summary>
    Mtime,
    Nanoseconds,

    /// <summary>Major and minor number, of devices only.</summary>
    Device,
    PathLength,
    Path,

    /// <summary>Of links only.</summary>
    LinkLength,
    Link,
    XattrLength,

    /// <summary>As in the layer index, see <see cref="Layers.XattrList"/>.</summary>
    Xattrs,

    /// <summary>Of regular files only.</summary>
    Size,

    /// <summary>Of regular files only: 0 for a file without holes, else the number of its extents and 1.</summary>
    ExtentCount,

    /// <summary>Bytes of hole before the extent, bytes of data in it.</summary>
    Extents,

    /// <summary>Of files that have data only: bytes of the stream between the data of the file before and this one's.</summary>
    Gap,
}
