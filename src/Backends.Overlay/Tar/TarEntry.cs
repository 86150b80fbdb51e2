namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>One member of a tar stream as it is written there: extended headers applied, nothing interpreted. The object is
/// used again for the next member; the arrays are not.</summary>
public sealed class TarEntry
{
    /// <summary>As it is written, without NUL; see <see cref="TarPath.Normalize"/>.</summary>
    public byte[] Path { get; internal set; } = [];

    public TarEntryType Type { get; internal set; }

    /// <summary><c>07777</c> at most.</summary>
    public uint Mode { get; internal set; }

    public uint Uid { get; internal set; }

    public uint Gid { get; internal set; }

    public long MtimeSeconds { get; internal set; }

    /// <summary>0 … 999,999,999, counted forward from <see cref="MtimeSeconds"/>.</summary>
    public uint MtimeNanoseconds { get; internal set; }

    public uint DeviceMajor { get; internal set; }

    public uint DeviceMinor { get; internal set; }

    /// <summary>Logical size in bytes; 0 for all but regular files.</summary>
    public long Size { get; internal set; }

    /// <summary>Of a hard link or symlink, as it is written, without NUL.</summary>
    public byte[] Link { get; internal set; } = [];

    /// <summary>Names and values as they are written; a name may come twice, then the last counts.</summary>
    public List<KeyValuePair<byte[], byte[]>> Xattrs { get; } = [];

    /// <summary>The data of a file with holes: ascending, apart, none empty, none past <see cref="Size"/>. Null for a file
    /// without holes.</summary>
    public IReadOnlyList<TarExtent>? Extents { get; internal set; }

    /// <summary>Where the member's own header lies in the stream.</summary>
    public long HeaderOffset { get; internal set; }
}
