using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Turns members, as a tar stream has them, into the entries of a layer index: the one place that says what a member is in an image,
/// whether it may be, and where its content lies. Members that come from an index that somebody else made go through it too.</summary>
sealed class LayerEntryWriter(LayerIndexWriter index)
{
    /// <summary>A bound for the store, not for images: ext4 by default has an inode for each 16 KiB of disk.</summary>
    public const long MaxEntries = 20_000_000;

    /// <summary>Bytes of content that any layer may have, however few bytes its stream has.</summary>
    const long AlwaysAllocated = 1L << 30;

    /// <summary>Beyond that, bytes of content for each byte of the stream: a file of one byte makes 4, and only sparse maps make many.</summary>
    const long MaxAmplification = 16;

    LayerEntryType _type;
    byte[] _path = [];
    byte[] _link = [];
    TarEntry? _entry;

    /// <summary>Of the entries that ended; the id of the one that began.</summary>
    public long Count { get; private set; }

    /// <summary>Where the next file begins; finally the data file's size.</summary>
    public long DataSize { get; private set; }

    public long Allocated { get; private set; }

    /// <summary>Where the content of the entry that began lies in the data file; 0 if it has none.</summary>
    public long DataOffset { get; private set; }

    /// <param name="entry">Its values are possible, each for itself; it stays as it is until <see cref="End"/>.</param>
    /// <exception cref="TarException">There can be no such entry in an image.</exception>
    public MemberKind Begin(TarEntry entry)
    {
        _entry = entry;
        var path = TarPath.Normalize(entry.Path, out var problem)
            ?? throw new TarException($"the path {TarField.Display(entry.Path)} {problem}");
        var kind = Whiteout.Classify(path, out var target);
        if (kind == WhiteoutKind.Ignored) return MemberKind.Ignored;
        if (Count == MaxEntries) throw new TarException($"there are more than {MaxEntries} entries");
        _path = kind == WhiteoutKind.None ? path : target.ToArray();
        _type = kind switch
        {
            WhiteoutKind.Hides => LayerEntryType.Whiteout,
            WhiteoutKind.Opaque => LayerEntryType.Opaque,
            _ => Type(entry.Type),
        };
        if (_path.Length == 0 && _type is not (LayerEntryType.Directory or LayerEntryType.Opaque))
            throw new TarException($"the root of the image is given as {_type}, not as a directory");
        _link = Link(entry);
        DataOffset = 0;
        if (_type != LayerEntryType.Regular || entry.Size == 0) return MemberKind.WithoutContent;
        if (entry.Size > DataPages.MaxDataSize - DataSize)
            throw new TarException($"the files up to {TarField.Display(entry.Path)} have more than {DataPages.MaxDataSize} bytes in all");
        DataOffset = DataSize;
        DataSize = DataPages.Up(DataSize + entry.Size);
        return MemberKind.WithContent;
    }

    /// <param name="firstPiece">The first of its pieces.</param>
    /// <param name="pieces">How many it has.</param>
    public void End(long firstPiece, int pieces)
    {
        var entry = _entry!;
        var isFile = _type == LayerEntryType.Regular;
        var isDevice = _type is LayerEntryType.CharacterDevice or LayerEntryType.BlockDevice;
        var allocated = isFile ? AllocatedBytes(entry) : 0;
        Allocated += allocated;
        index.Add(new LayerEntry
        {
            Id = Count++,
            Path = _path,
            Type = _type,
            Mode = entry.Mode,
            Uid = entry.Uid,
            Gid = entry.Gid,
            MtimeSeconds = entry.MtimeSeconds,
            MtimeNanoseconds = entry.MtimeNanoseconds,
            RdevMajor = isDevice ? entry.DeviceMajor : 0,
            RdevMinor = isDevice ? entry.DeviceMinor : 0,
            Size = isFile ? entry.Size : 0,
            Link = _link,
            DataOffset = DataOffset,
            Allocated = allocated,
            FirstPiece = firstPiece,
            PieceCount = pieces,
            Xattrs = new XattrList(entry.Xattrs.Count == 0 ? [] : XattrList.Encode(entry.Xattrs)),
            Sparse = new SparseMap(isFile && entry.Extents is { } extents ? SparseMap.Encode(extents, entry.Size) : []),
        });
    }

    /// <param name="streamSize">Bytes of the stream that the entries so far come from.</param>
    /// <exception cref="TarException">Their content takes absurdly more room than that: a sparse file of a byte a page.</exception>
    public void CheckGrowth(long streamSize)
    {
        if (Allocated > AlwaysAllocated && (Allocated - AlwaysAllocated) / MaxAmplification > streamSize)
            throw new TarException($"{streamSize} bytes of the stream make {Allocated} bytes of content on disk; this is no image");
    }

    byte[] Link(TarEntry entry)
    {
        switch (_type)
        {
            case LayerEntryType.Symlink:
                if (entry.Link.Length is 0 or > TarPath.MaxLength)
                    throw new TarException($"the symbolic link {TarField.Display(entry.Path)} has a target of {entry.Link.Length} bytes");
                return entry.Link;
            case LayerEntryType.HardLink:
                var target = TarPath.Normalize(entry.Link, out var problem)
                    ?? throw new TarException($"the hard link {TarField.Display(entry.Path)} is to {TarField.Display(entry.Link)}, which {problem}");
                return target.Length > 0 ? target : throw new TarException($"the hard link {TarField.Display(entry.Path)} is to the root");
            default:
                return [];
        }
    }

    static long AllocatedBytes(TarEntry entry)
    {
        if (entry.Extents is not { } extents) return DataPages.Up(entry.Size);
        long total = 0, end = 0;
        foreach (var (offset, length) in extents)
        {
            var start = Math.Max(end, DataPages.Down(offset));
            end = DataPages.Up(offset + length);
            total += end - start;
        }

        return total;
    }

    static LayerEntryType Type(TarEntryType type) => type switch
    {
        TarEntryType.Directory => LayerEntryType.Directory,
        TarEntryType.Symlink => LayerEntryType.Symlink,
        TarEntryType.HardLink => LayerEntryType.HardLink,
        TarEntryType.CharacterDevice => LayerEntryType.CharacterDevice,
        TarEntryType.BlockDevice => LayerEntryType.BlockDevice,
        TarEntryType.Fifo => LayerEntryType.Fifo,
        _ => LayerEntryType.Regular,
    };
}
