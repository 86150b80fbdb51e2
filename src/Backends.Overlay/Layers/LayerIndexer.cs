using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Turns what a tar parser finds into rows of a layer index and bytes of a data file.</summary>
sealed class LayerIndexer(LayerIndexWriter index, LayerDataWriter data) : ITarSink, IDisposable
{
    /// <summary>A bound for the store, not for images: ext4 by default has an inode for each 16 KiB of disk.</summary>
    public const long MaxEntries = 20_000_000;

    /// <summary>Bytes of content that any layer may have, however few bytes its stream has.</summary>
    const long AlwaysAllocated = 1L << 30;

    /// <summary>Beyond that, bytes of content for each byte of the stream: a file of one byte makes 4, and only sparse maps make many.</summary>
    const long MaxAmplification = 16;

    readonly PieceCutter _pieces = new(index);
    LayerEntryType _type;
    byte[] _path = [];
    byte[] _link = [];
    bool _ignored;
    TarEntry? _entry;
    long _dataOffset;

    public long EntryCount { get; private set; }

    public long PieceCount => _pieces.Count;

    /// <summary>Where the next file begins; finally the data file's size.</summary>
    public long DataSize { get; private set; }

    public long Allocated { get; private set; }

    /// <summary>Must come before the data behind them.</summary>
    public void AddPoints(IReadOnlyList<SeekPoint> points) => _pieces.AddPoints(points);

    public void BeginEntry(TarEntry entry)
    {
        _entry = entry;
        var path = TarPath.Normalize(entry.Path, out var problem)
            ?? throw new TarException($"the path {TarField.Display(entry.Path)} {problem}");
        var kind = Whiteout.Classify(path, out var target);
        _ignored = kind == WhiteoutKind.Ignored;
        if (_ignored) return;
        if (EntryCount == MaxEntries) throw new TarException($"there are more than {MaxEntries} entries");
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
        _dataOffset = 0;
        if (_type != LayerEntryType.Regular)
        {
            _ignored = entry.Type == TarEntryType.Regular;
            if (_ignored) Add();
            return;
        }

        if (entry.Size == 0) return;
        _dataOffset = DataSize;
        if (entry.Size > DataPages.MaxDataSize - DataSize)
            throw new TarException($"the files up to {TarField.Display(entry.Path)} have more than {DataPages.MaxDataSize} bytes in all");
        DataSize = DataPages.Up(DataSize + entry.Size);
        _pieces.BeginFile(EntryCount);
    }

    public void Data(long fileOffset, long streamOffset, ReadOnlySpan<byte> bytes)
    {
        if (_ignored) return;
        _pieces.Add(_dataOffset + fileOffset, streamOffset, bytes);
        data.Write(_dataOffset + fileOffset, bytes);
    }

    /// <summary>The stream has been parsed so far.</summary>
    /// <exception cref="TarException">Its content takes absurdly more room than it has bytes: a sparse file of a byte a page.</exception>
    public void Advance(long streamOffset)
    {
        _pieces.Advance(streamOffset);
        if (Allocated > AlwaysAllocated && (Allocated - AlwaysAllocated) / MaxAmplification > streamOffset)
            throw new TarException($"{streamOffset} bytes of the stream make {Allocated} bytes of content on disk; this is no image");
    }

    public void EndEntry()
    {
        if (!_ignored) Add();
    }

    /// <summary>To be called once, at the end of a stream that was sound.</summary>
    /// <returns>How many spans there are.</returns>
    public int Complete(long blobSize, long streamSize) => _pieces.Complete(blobSize, streamSize);

    public void Dispose() => _pieces.Dispose();

    void Add()
    {
        var entry = _entry!;
        var isFile = _type == LayerEntryType.Regular;
        var (first, count) = isFile && entry.Size > 0 ? _pieces.EndFile() : (0, 0);
        var allocated = isFile ? AllocatedBytes(entry) : 0;
        Allocated += allocated;
        index.Add(new LayerEntry
        {
            Id = EntryCount++,
            Path = _path,
            Type = _type,
            Mode = entry.Mode,
            Uid = entry.Uid,
            Gid = entry.Gid,
            MtimeSeconds = entry.MtimeSeconds,
            MtimeNanoseconds = entry.MtimeNanoseconds,
            RdevMajor = entry.DeviceMajor,
            RdevMinor = entry.DeviceMinor,
            Size = isFile ? entry.Size : 0,
            Link = _link,
            DataOffset = _dataOffset,
            Allocated = allocated,
            FirstPiece = first,
            PieceCount = count,
            Xattrs = new XattrList(entry.Xattrs.Count == 0 ? [] : XattrList.Encode(entry.Xattrs)),
            Sparse = new SparseMap(isFile && entry.Extents is { } extents ? SparseMap.Encode(extents, entry.Size) : []),
        });
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
