namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>Decompresses a stream from its beginning or from a seek point, a buffer at a time, and notes new seek points
/// as it passes them. One thread at a time.</summary>
public abstract class StreamDecoder : IDisposable
{
    /// <summary>Uncompressed bytes between seek points: what one random read decompresses at least. Small spans matter for
    /// small images: with 1 MiB a start of python fetches 20 % of an image, with 4 MiB 43 %.</summary>
    public const int DefaultSpanSize = 1 << 20;

    readonly int _spanSize;
    readonly Queue<SeekPoint> _points = new();
    long _lastPoint;

    private protected StreamDecoder(SeekPoint start, int spanSize)
    {
        _spanSize = spanSize;
        _lastPoint = OutOffset = start.OutOffset;
        InOffset = start.InOffset;
    }

    /// <summary>Compressed offset of the next byte to be taken.</summary>
    public long InOffset { get; protected set; }

    /// <summary>Uncompressed offset of the next byte to be given.</summary>
    public long OutOffset { get; protected set; }

    /// <summary>Whether the stream may end at what was taken so far.</summary>
    public abstract bool MayEnd { get; }

    /// <summary>How many bytes before the seek point's offset <see cref="Decode"/> must be given first: 0 or 1.</summary>
    public int LeadingBytes { get; private protected init; }

    /// <param name="start">Where the first input comes from.</param>
    /// <param name="compression">Of the stream.</param>
    /// <param name="spanSize">Uncompressed bytes between new seek points, at least.</param>
    /// <param name="maxWindowLog">The largest window, as a power of two, that may be kept where the stream says how large it is; others are refused.</param>
    public static StreamDecoder Create(
        Compression compression, SeekPoint start, int spanSize = DefaultSpanSize, int maxWindowLog = ZstdDecoder.MaxWindowLog) => compression switch
        {
            Compression.None => new IdentityDecoder(start, spanSize),
            Compression.Gzip => new GzipDecoder(start, spanSize),
            Compression.Zstd => new ZstdDecoder(start, spanSize, maxWindowLog),
            _ => throw new ArgumentOutOfRangeException(nameof(compression)),
        };

    /// <summary>Takes some of <paramref name="input"/> and gives some of <paramref name="output"/>. When neither moves,
    /// more input is needed.</summary>
    /// <exception cref="DecompressionException">The stream is damaged.</exception>
    public abstract void Decode(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int given);

    /// <summary>The next seek point that was passed, in order.</summary>
    public bool TryTakePoint(out SeekPoint point) => _points.TryDequeue(out point!);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    private protected bool WantsPoint => OutOffset - _lastPoint >= _spanSize;

    private protected void AddPoint(SeekPoint point)
    {
        _lastPoint = point.OutOffset;
        _points.Enqueue(point);
    }
}
