using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>zstd (RFC 8878): frames one after another, each a possible seek point; skippable frames give nothing. A frame
/// whose window exceeds libzstd's default (<see cref="MaxWindowLog"/>) is refused, as every decoder with a bounded memory does.</summary>
sealed unsafe class ZstdDecoder : StreamDecoder
{
    /// <summary>128 MiB.</summary>
    public const int MaxWindowLog = 27;

    void* _context;
    bool _insideFrame;
    bool _any;

    public ZstdDecoder(SeekPoint start, int spanSize, int maxWindowLog)
        : base(start, spanSize)
    {
        _context = Zstd.CreateDecompressor();
        if (_context == null) throw new InvalidOperationException("libzstd has no memory for a decompressor");
        _ = Zstd.SetDecompressorParameter(_context, Zstd.MaxWindowLog, maxWindowLog);
    }

    ~ZstdDecoder() => Dispose(disposing: false);

    public override bool MayEnd => _any && !_insideFrame;

    public override void Decode(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int given)
    {
        if (!_insideFrame && input.Length > 0 && WantsPoint) AddPoint(SeekPoint.Fresh(InOffset, OutOffset));
        fixed (byte* source = input)
        fixed (byte* target = output)
        {
            var from = new ZstdBuffer(source, (nuint)input.Length);
            var into = new ZstdBuffer(target, (nuint)output.Length);
            var result = Zstd.DecompressStream(_context, &into, &from);
            if (Zstd.IsError(result))
                throw new DecompressionException($"zstd data is damaged near compressed byte {InOffset}: {Zstd.ErrorName(result)}")
                {
                    NeedsLargerWindow = Zstd.ErrorCode(result) == Zstd.WindowTooLarge,
                };
            taken = (int)from.Position;
            given = (int)into.Position;
            if (taken > 0 || given > 0)
            {
                _insideFrame = result != 0;
                _any = true;
            }
        }

        InOffset += taken;
        OutOffset += given;
    }

    protected override void Dispose(bool disposing)
    {
        if (_context != null) Zstd.FreeDecompressor(_context);
        _context = null;
    }
}
