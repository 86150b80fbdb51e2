using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>Writes one section of an index blob: a zstd frame.</summary>
sealed unsafe class SectionWriter : IDisposable
{
    const int HashLog = 18;

    readonly Stream _output;
    readonly byte[] _packed = new byte[64 << 10];
    void* _context;

    public SectionWriter(Stream output, int level)
    {
        _output = output;
        _context = Zstd.CreateCompressor();
        if (_context == null) throw new InvalidOperationException("libzstd has no memory for a compressor");
        Check(Zstd.SetCompressorParameter(_context, Zstd.CompressionLevel, level));
        // What level 19 takes by itself is 90 MB here, and 8 MB of whoever reads; this is 6 MB and 1 MB, for 2.5 % more bytes.
        Check(Zstd.SetCompressorParameter(_context, Zstd.WindowLog, IndexBlobFormat.MaxWindowLog));
        Check(Zstd.SetCompressorParameter(_context, Zstd.HashLog, HashLog));
        Check(Zstd.SetCompressorParameter(_context, Zstd.ChainLog, IndexBlobFormat.MaxWindowLog));
    }

    ~SectionWriter() => Free();

    /// <summary>Bytes that were written to the output.</summary>
    public long Packed { get; private set; }

    /// <summary>Bytes that were given.</summary>
    public long Size { get; private set; }

    public void Write(ReadOnlySpan<byte> data)
    {
        Size += data.Length;
        Compress(data, Zstd.Continue);
    }

    /// <summary>Ends the frame.</summary>
    public (long Packed, long Size) Complete()
    {
        Compress([], Zstd.End);
        return (Packed, Size);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    void Compress(ReadOnlySpan<byte> data, int directive)
    {
        fixed (byte* source = data)
        fixed (byte* target = _packed)
        {
            var from = new ZstdBuffer(source, (nuint)data.Length);
            nuint left;
            do
            {
                var into = new ZstdBuffer(target, (nuint)_packed.Length);
                left = Check(Zstd.CompressStream(_context, &into, &from, directive));
                _output.Write(_packed.AsSpan(0, (int)into.Position));
                Packed += (long)into.Position;
            }
            while (directive == Zstd.End ? left > 0 : from.Position < from.Size);
        }
    }

    static nuint Check(nuint result) => Zstd.IsError(result) ? throw new InvalidOperationException($"zstd cannot pack an index: {Zstd.ErrorName(result)}") : result;

    void Free()
    {
        if (_context != null) Zstd.FreeCompressor(_context);
        _context = null;
    }
}
