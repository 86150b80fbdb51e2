namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>One entry of a layer, in the order of the tar stream. Its spans are valid until the cursor moves.</summary>
public readonly ref struct LayerEntry
{
    /// <summary>Position among the layer's entries, from 0, without gaps.</summary>
    public required long Id { get; init; }

    /// <summary>Bytes relative to the root: no leading or trailing slash, no empty, <c>.</c> or <c>..</c> component,
    /// no NUL; each component at most 255 bytes, the whole at most 4095. Empty for the root itself.</summary>
    public required ReadOnlySpan<byte> Path { get; init; }

    public required LayerEntryType Type { get; init; }

    /// <summary>Permission bits, setuid, setgid and sticky: <c>07777</c>. Meaningless for hard links, whiteouts and opaque marks.</summary>
    public required uint Mode { get; init; }

    public required uint Uid { get; init; }

    public required uint Gid { get; init; }

    /// <summary>Seconds since 1970, negative before; <see cref="MtimeNanoseconds"/> (0 … 999,999,999) counts forward from it.</summary>
    public required long MtimeSeconds { get; init; }

    public required uint MtimeNanoseconds { get; init; }

    /// <summary>Of devices only: at most 12 bits.</summary>
    public required uint RdevMajor { get; init; }

    /// <summary>Of devices only: at most 20 bits.</summary>
    public required uint RdevMinor { get; init; }

    /// <summary>Logical size in bytes of a regular file, else 0.</summary>
    public required long Size { get; init; }

    /// <summary>A symlink's target as it is (1 … 4095 bytes), a hard link's target path in the form of <see cref="Path"/>, else empty.</summary>
    public required ReadOnlySpan<byte> Link { get; init; }

    /// <summary>Where the file begins in the layer's data file: a multiple of 4096. The file occupies its logical size there,
    /// zero-padded to the page; holes of a sparse file are holes.</summary>
    public required long DataOffset { get; init; }

    /// <summary>Bytes of the 4096-byte pages that hold data, which is what <c>st_blocks</c> times 512 should say.</summary>
    public required long Allocated { get; init; }

    /// <summary>The file's pieces are numbered from here, in the order of their offsets.</summary>
    public required long FirstPiece { get; init; }

    public required int PieceCount { get; init; }

    public required XattrList Xattrs { get; init; }

    /// <summary>Empty unless the file has holes; see <see cref="SparseMap"/>.</summary>
    public required SparseMap Sparse { get; init; }
}
