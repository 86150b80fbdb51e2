namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>One entry of a table of contents as it is written: eStargz and zstd:chunked have one form, that of CRFS, with a few members of their
/// own each. Nothing is checked yet but that numbers are numbers and texts are texts.</summary>
sealed class TocEntry
{
    /// <summary><c>dir</c>, <c>reg</c>, <c>symlink</c>, <c>hardlink</c>, <c>char</c>, <c>block</c>, <c>fifo</c>, or <c>chunk</c>: more of the file before.</summary>
    public string Type { get; set; } = "";

    public byte[] Name { get; set; } = [];

    public byte[] Link { get; set; } = [];

    public long Mode { get; set; }

    public long Size { get; set; }

    public long Uid { get; set; }

    public long Gid { get; set; }

    /// <summary>RFC 3339; empty for 1970.</summary>
    public string Time { get; set; } = "";

    public long DeviceMajor { get; set; }

    public long DeviceMinor { get; set; }

    public List<KeyValuePair<byte[], byte[]>> Xattrs { get; } = [];

    /// <summary>Of the whole file.</summary>
    public string? Digest { get; set; }

    /// <summary>Where the gzip member or zstd frame begins that has the data.</summary>
    public long Offset { get; set; }

    /// <summary>zstd:chunked: where the file's frames end.</summary>
    public long EndOffset { get; set; }

    /// <summary>eStargz: where in the decompressed member the data begins.</summary>
    public long InnerOffset { get; set; }

    /// <summary>Where in the file.</summary>
    public long ChunkOffset { get; set; }

    /// <summary>In bytes; 0 for what is left of the file.</summary>
    public long ChunkSize { get; set; }

    public string? ChunkDigest { get; set; }
}
