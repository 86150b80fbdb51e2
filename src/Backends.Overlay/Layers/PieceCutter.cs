using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Cuts files into pieces where spans and extents of data end, and hashes them; writes pieces and spans to the index.</summary>
sealed class PieceCutter(LayerIndexWriter index) : IDisposable
{
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly byte[] _digest = new byte[SHA256.HashSizeInBytes];
    readonly Queue<SeekPoint> _points = new();
    readonly WindowCodec _windows = new();
    SeekPoint _spanStart = SeekPoint.Fresh(0, 0);
    int _span;
    long _firstOfSpan;

    long _entryId;
    long _firstOfFile;

    /// <summary>The open piece; no piece is open while its length is 0.</summary>
    long _dataOffset;
    long _streamOffset;
    long _length;

    public long Count { get; private set; }

    public void AddPoints(IReadOnlyList<SeekPoint> points)
    {
        foreach (var point in points) _points.Enqueue(point);
    }

    public void BeginFile(long entryId)
    {
        _entryId = entryId;
        _firstOfFile = Count;
    }

    public void Add(long dataOffset, long streamOffset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            EndSpans(streamOffset);
            if (dataOffset != _dataOffset + _length) EndPiece();
            if (_length == 0) (_dataOffset, _streamOffset) = (dataOffset, streamOffset);
            var room = _points.TryPeek(out var end) ? end.OutOffset - streamOffset : long.MaxValue;
            var part = bytes[..(int)Math.Min(bytes.Length, room)];
            _hash.AppendData(part);
            _length += part.Length;
            dataOffset += part.Length;
            streamOffset += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>Ends the spans that the stream has left behind, also where it holds no file data: their windows are not kept any longer. A point
    /// at the very offset waits for what follows: at the end of the stream nothing does, and a span has at least a byte.</summary>
    public void Advance(long streamOffset) => EndSpans(streamOffset - 1);

    /// <summary>The pieces of the file that ends here.</summary>
    public (long First, int Count) EndFile()
    {
        EndPiece();
        return (_firstOfFile, checked((int)(Count - _firstOfFile)));
    }

    public int Complete(long blobSize, long streamSize)
    {
        while (_points.TryDequeue(out var next))
        {
            if (next.OutOffset < streamSize) EndSpan(next);
        }

        WriteSpan(blobSize, streamSize);
        return _span + 1;
    }

    public void Dispose()
    {
        _hash.Dispose();
        _windows.Dispose();
    }

    void EndSpans(long streamOffset)
    {
        while (_points.TryPeek(out var next) && next.OutOffset <= streamOffset)
        {
            EndPiece();
            EndSpan(_points.Dequeue());
        }
    }

    void EndPiece()
    {
        if (_length == 0) return;
        _hash.GetHashAndReset(_digest);
        index.Add(new Piece(Count++, _entryId, _dataOffset, _length, _streamOffset, _span, _digest));
        _length = 0;
    }

    void EndSpan(SeekPoint next)
    {
        WriteSpan(next.InOffset, next.OutOffset);
        _span++;
        _spanStart = next;
        _firstOfSpan = Count;
    }

    void WriteSpan(long inEnd, long outEnd) =>
        index.Add(new SeekSpan(_span, _spanStart, inEnd, outEnd, _firstOfSpan, Count - _firstOfSpan), _windows.Pack(_spanStart.Window.Span));
}
