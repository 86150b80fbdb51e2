using System.Buffers;
using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Spans that lie one behind another in a range, each held to the digest of its compressed bytes before any of them is given. What they are
/// decompressed to is then right, as far as the index is.</summary>
/// <param name="range">From the first span's first byte on.</param>
/// <param name="spans">The layer's.</param>
/// <param name="first">The span with which the range begins.</param>
/// <param name="end">Where the range ends in the blob: where a span does.</param>
sealed class SpanVerifier(Stream range, SpanTable spans, int first, long end) : RangeStream
{
    readonly byte[] _digest = new byte[SHA256.HashSizeInBytes];
    byte[] _buffer = [];
    int _next = first;
    bool _isFurther;
    int _at;
    int _length;

    /// <exception cref="DecompressionException">A span has other bytes than it should.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_at == _length && _next < spans.Count && spans[_next].InEnd <= end && !buffer.IsEmpty) await FillAsync(cancellationToken).ConfigureAwait(false);
        var count = Math.Min(buffer.Length, _length - _at);
        _buffer.AsMemory(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _at = _length = 0;
        if (disposing) range.Dispose();
        base.Dispose(disposing);
    }

    async ValueTask FillAsync(CancellationToken cancellation)
    {
        var span = spans[_next];
        var leading = span.LeadingBytes;
        if (span.InEnd - span.InOffset is < 1 or > SeekSpan.MaxVerified || span.Sha256.Length != _digest.Length || (_isFurther && spans[_next - 1].InEnd != span.InOffset))
            throw new CacheException($"the layer's index is damaged: span {_next} is impossible; delete the layer's folder from the store, and it is made again");
        var length = leading + (int)(span.InEnd - span.InOffset);
        // The byte that two spans share came with the first of them.
        var shared = _isFurther ? leading : 0;
        var last = _length > 0 ? _buffer[_length - 1] : (byte)0;
        if (_buffer.Length < length)
        {
            if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
            _buffer = ArrayPool<byte>.Shared.Rent(length);
        }

        (_at, _length) = (0, 0);
        _buffer[0] = last;
        await range.ReadExactlyAsync(_buffer.AsMemory(shared, length - shared), cancellation).ConfigureAwait(false);
        SHA256.HashData(_buffer.AsSpan(0, length), _digest);
        if (!span.Sha256.Span.SequenceEqual(_digest))
            throw new DecompressionException($"the span from compressed byte {span.InOffset - leading} to {span.InEnd} has other bytes than its index says");
        (_at, _length) = (shared, length);
        _isFurther = true;
        _next++;
    }
}
