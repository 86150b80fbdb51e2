using Microsoft.Win32.SafeHandles;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>Reads one section of an index blob: a zstd frame that must give exactly the bytes that were announced, in bounded memory.</summary>
sealed unsafe class SectionReader : IDisposable
{
    readonly SafeFileHandle _file;
    readonly byte[] _packed = new byte[64 << 10];
    readonly byte[] _unpacked = new byte[64 << 10];
    readonly byte[] _number = new byte[10];
    void* _context;
    long _offset;
    long _packedLeft;
    long _left;
    int _packedStart;
    int _packedEnd;
    int _start;
    int _end;
    bool _frameEnded;

    /// <param name="file">The blob.</param>
    /// <param name="offset">Where the section begins.</param>
    /// <param name="packed">How many bytes it has in the blob.</param>
    /// <param name="size">How many it decompresses to.</param>
    public SectionReader(SafeFileHandle file, long offset, long packed, long size)
    {
        (_file, _offset, _packedLeft, _left) = (file, offset, packed, size);
        _context = Zstd.CreateDecompressor();
        if (_context == null) throw new InvalidOperationException("libzstd has no memory for a decompressor");
        if (Zstd.IsError(Zstd.SetDecompressorParameter(_context, Zstd.MaxWindowLog, IndexBlobFormat.MaxWindowLog)))
            throw new InvalidOperationException("libzstd takes no bound of its window");
    }

    ~SectionReader() => Free();

    /// <summary>Bytes that are still to come.</summary>
    public long Left => _left + (_end - _start);

    /// <exception cref="LayerImportException">There is less, or it is damaged.</exception>
    public void Read(Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            if (_start == _end) Fill();
            var part = Math.Min(into.Length, _end - _start);
            _unpacked.AsSpan(_start, part).CopyTo(into);
            _start += part;
            into = into[part..];
        }
    }

    /// <summary>A number as <see cref="ColumnWriter.Number(long)"/> writes it, of at most 63 bits.</summary>
    public long Number()
    {
        for (var length = 1; length <= _number.Length; length++)
        {
            Read(_number.AsSpan(length - 1, 1));
            if (_number[length - 1] < 0x80) return new ColumnReader(_number.AsMemory(0, length)).Number();
        }

        throw new LayerImportException("a number has more than 64 bits");
    }

    /// <exception cref="LayerImportException">There is more.</exception>
    public void Complete()
    {
        if (Left > 0) throw new LayerImportException($"a section has {Left} bytes that are part of nothing");
        if (_frameEnded) _end = 0;
        else Decompress();
        if (!_frameEnded || _end > 0 || _packedLeft > 0 || _packedStart < _packedEnd) throw new LayerImportException("a section has more bytes than were announced");
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    void Fill()
    {
        if (_left == 0 || _frameEnded) throw new LayerImportException("a section ends too early");
        Decompress();
        if (_end > _left) throw new LayerImportException("a section has more bytes than were announced");
        _left -= _end;
    }

    /// <summary>Fills the buffer, unless the frame ends.</summary>
    void Decompress()
    {
        (_start, _end) = (0, 0);
        while (!_frameEnded && _end < _unpacked.Length)
        {
            if (_packedStart == _packedEnd) ReadPacked();
            fixed (byte* source = _packed)
            fixed (byte* target = _unpacked)
            {
                var from = new ZstdBuffer(source, (nuint)_packedEnd) { Position = (nuint)_packedStart };
                var into = new ZstdBuffer(target, (nuint)_unpacked.Length) { Position = (nuint)_end };
                var result = Zstd.DecompressStream(_context, &into, &from);
                if (Zstd.IsError(result)) throw new LayerImportException($"its zstd data is damaged: {Zstd.ErrorName(result)}");
                var stuck = (int)from.Position == _packedStart && (int)into.Position == _end;
                (_packedStart, _end) = ((int)from.Position, (int)into.Position);
                _frameEnded = result == 0;
                if (!_frameEnded && stuck && _packedStart == _packedEnd && _packedLeft == 0) throw new LayerImportException("a section ends too early");
            }
        }
    }

    void ReadPacked()
    {
        var wanted = (int)Math.Min(_packed.Length, _packedLeft);
        (_packedStart, _packedEnd) = (0, 0);
        while (_packedEnd < wanted)
        {
            var read = RandomAccess.Read(_file, _packed.AsSpan(_packedEnd, wanted - _packedEnd), _offset);
            if (read == 0) throw new LayerImportException("it is shorter than it was");
            _packedEnd += read;
            _offset += read;
        }

        _packedLeft -= wanted;
    }

    void Free()
    {
        if (_context != null) Zstd.FreeDecompressor(_context);
        _context = null;
    }
}
