namespace VirtioFsStore.ImageMaker;

/// <summary>A member of a layer, apart from how its header is written. Texts are Latin-1: each character is a byte.</summary>
/// <param name="Path">Of a directory without the slash at its end.</param>
/// <param name="Type">The type flag: '0' file, '1' hard link, '2' symlink, '3' character device, '4' block device, '5' directory, '6' FIFO.</param>
public sealed record MadeEntry(string Path, char Type)
{
    public int Mode { get; init; } = 0x1a4;

    public long Uid { get; init; }

    public long Gid { get; init; }

    public long Mtime { get; init; } = 1_700_000_000;

    public uint Nanoseconds { get; init; }

    /// <summary>A symlink's or hard link's target.</summary>
    public string Link { get; init; } = "";

    public int Major { get; init; }

    public int Minor { get; init; }

    /// <summary>Of a file: all its data; of a sparse one, the data of its extents.</summary>
    public byte[] Data { get; init; } = [];

    /// <summary>Of a sparse file: the runs of data, ascending; null for a file without holes.</summary>
    public IReadOnlyList<(long Offset, long Length)>? Extents { get; init; }

    /// <summary>Of a sparse file: bytes with its holes.</summary>
    public long RealSize { get; init; }

    public IReadOnlyList<(string Name, string Value)> Xattrs { get; init; } = [];

    public static MadeEntry File(string path, string data) => new(path, '0') { Data = TarWriter.Bytes(data) };

    public static MadeEntry Directory(string path) => new(path, '5') { Mode = 0x1ed };

    public static MadeEntry Symlink(string path, string target) => new(path, '2') { Link = target, Mode = 0x1ff };

    public static MadeEntry HardLink(string path, string target) => new(path, '1') { Link = target };
}
