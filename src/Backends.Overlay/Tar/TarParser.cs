namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>Takes a tar stream apart as it comes, in pieces of any size: v7, ustar, pax, star and GNU. Where readers differ, it
/// reads as the runtimes do that unpack layers (Go's archive/tar), since another view of the same bytes would be another image.</summary>
public sealed partial class TarParser
{
    public const int BlockSize = 512;

    /// <summary>The largest logical size of a file: half of what ext4 can hold, whose holes take no room.</summary>
    public const long MaxFileSize = 1L << 43;

    /// <summary>For pax headers: room for a path, and for more attributes than a file has on most file systems.</summary>
    public const int MaxPaxSize = 4 << 20;

    /// <summary>For GNU long names, which have no use beyond PATH_MAX.</summary>
    const int MaxNameSize = 64 << 10;

    readonly ITarSink _sink;
    readonly TarEntry _entry = new();
    readonly byte[] _block = new byte[BlockSize];
    readonly List<TarExtent> _map = [];
    State _state = State.Header;
    int _blockLength;
    int _zeroBlocks;

    /// <summary>Of the body that is passing: bytes to come, and padding after it.</summary>
    long _remaining;
    int _padding;

    byte[] _collected = [];
    int _collectedLength;
    byte _collecting;

    PaxHeader? _global;
    PaxHeader? _pax;
    byte[]? _longName;
    byte[]? _longLink;

    /// <summary>The logical offset of the next byte of data, and the extent it lies in.</summary>
    long _fileOffset;
    int _extent;

    public TarParser(ITarSink sink) => _sink = sink;

    enum State
    {
        Header,

        /// <summary>The body of a pax header or of a GNU long name.</summary>
        Collect,

        /// <summary>A block that continues an old GNU sparse map.</summary>
        SparseBlock,

        /// <summary>The map at the beginning of the data, pax sparse format 1.0.</summary>
        SparseText,

        Data,

        /// <summary>A body that means nothing.</summary>
        Skip,

        Padding,

        /// <summary>After the two blocks of zeros: whatever follows is not part of the archive.</summary>
        Ended,
    }

    /// <summary>Offset in the stream of the next byte.</summary>
    public long Offset { get; private set; }

    /// <exception cref="TarException">The stream is not sound.</exception>
    public void Feed(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            switch (_state)
            {
                case State.Header:
                case State.SparseBlock:
                    FeedBlock(ref data);
                    break;
                case State.Collect:
                    FeedCollect(Take(ref data, _remaining));
                    break;
                case State.SparseText:
                    FeedSparseText(ref data);
                    break;
                case State.Data:
                    FeedData(ref data);
                    break;
                case State.Skip:
                    _remaining -= Take(ref data, _remaining).Length;
                    if (_remaining == 0) EndBody();
                    break;
                case State.Padding:
                    _padding -= Take(ref data, _padding).Length;
                    if (_padding == 0) _state = State.Header;
                    break;
                case State.Ended:
                    _ = Take(ref data, data.Length);
                    break;
            }
        }
    }

    /// <summary>To be called where the stream ends.</summary>
    /// <exception cref="TarException">It ends in the middle of a member.</exception>
    public void Complete()
    {
        // An archive without its final zeros is what some writers leave; every reader takes it.
        if (_state == State.Ended || (_state == State.Header && _blockLength == 0 && !HasPending)) return;
        throw Fail(_state == State.Header
            ? "the tar stream ends in the middle of a header"
            : $"the tar stream ends in the middle of {TarField.Display(_entry.Path)}");
    }

    bool HasPending => _pax is not null || _longName is not null || _longLink is not null;

    ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> data, long count)
    {
        var taken = data[..(int)Math.Min(count, data.Length)];
        data = data[taken.Length..];
        Offset += taken.Length;
        return taken;
    }

    void FeedBlock(ref ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> block;
        if (_blockLength == 0 && data.Length >= BlockSize)
        {
            block = Take(ref data, BlockSize);
        }
        else
        {
            var part = Take(ref data, BlockSize - _blockLength);
            part.CopyTo(_block.AsSpan(_blockLength));
            _blockLength += part.Length;
            if (_blockLength < BlockSize) return;
            _blockLength = 0;
            block = _block;
        }

        if (_state == State.SparseBlock) ReadSparseBlock(block);
        else ReadHeader(block);
    }

    void FeedCollect(ReadOnlySpan<byte> part)
    {
        part.CopyTo(_collected.AsSpan(_collectedLength));
        _collectedLength += part.Length;
        _remaining -= part.Length;
        if (_remaining > 0) return;
        var body = _collected.AsSpan(0, _collectedLength);
        try
        {
            switch (_collecting)
            {
                case (byte)'L':
                    _longName = TarField.Text(body).ToArray();
                    break;
                case (byte)'K':
                    _longLink = TarField.Text(body).ToArray();
                    break;
                case (byte)'g':
                    (_global ??= new PaxHeader()).Read(body, global: true);
                    break;
                default:
                    _pax = PaxHeader.From(_global);
                    _pax.Read(body, global: false);
                    break;
            }
        }
        catch (TarException e)
        {
            throw Fail(e.Message);
        }

        EndBody();
    }

    void FeedData(ref ReadOnlySpan<byte> data)
    {
        var limit = _remaining;
        if (_entry.Extents is { } extents)
        {
            var extent = extents[_extent];
            _fileOffset = Math.Max(_fileOffset, extent.Offset);
            limit = extent.Offset + extent.Length - _fileOffset;
        }

        var streamOffset = Offset;
        var part = Take(ref data, limit);
        _sink.Data(_fileOffset, streamOffset, part);
        _fileOffset += part.Length;
        _remaining -= part.Length;
        if (part.Length == limit) _extent++;
        if (_remaining == 0) EndEntry();
    }

    /// <summary>Gives the entry out and makes ready for its data.</summary>
    void BeginEntry(long stored)
    {
        _sink.BeginEntry(_entry);
        _fileOffset = 0;
        _extent = 0;
        _remaining = stored;
        if (stored == 0) EndEntry();
        else _state = State.Data;
    }

    void EndEntry()
    {
        _sink.EndEntry();
        EndBody();
    }

    void EndBody()
    {
        _remaining = 0;
        _state = _padding > 0 ? State.Padding : State.Header;
    }

    TarException Fail(string problem) => new($"{problem} (in the tar stream before byte {Offset})");
}
