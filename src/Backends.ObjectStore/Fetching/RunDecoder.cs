using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>
/// Decompresses neighbouring spans out of one range. A span within a gzip member goes on where the one before ended. One that starts afresh is
/// decompressed afresh, whatever lies before it: of a layer that was indexed by its table of contents the index knows from where each file can be
/// decompressed, and nothing of the headers between files, which are not in its stream.
/// </summary>
sealed class RunDecoder : IDisposable
{
    readonly SpanTable _spans;
    readonly Compression _compression;
    readonly int _maxWindowLog;
    StreamDecoder _decoder;
    int _span;

    /// <param name="spans">The layer's.</param>
    /// <param name="first">The span with which the range begins.</param>
    /// <param name="compression">Of the layer.</param>
    /// <param name="maxWindowLog">See <see cref="StreamDecoder.Create"/>.</param>
    public RunDecoder(SpanTable spans, SeekSpan first, Compression compression, int maxWindowLog)
    {
        (_spans, _span, _compression, _maxWindowLog) = (spans, first.Id, compression, maxWindowLog);
        _decoder = StreamDecoder.Create(compression, first.Start, int.MaxValue, maxWindowLog);
        InOffset = _decoder.InOffset;
    }

    /// <summary>Compressed offset of the next byte to be taken; at first that of the range.</summary>
    public long InOffset { get; private set; }

    /// <summary>Offset in the index's stream of the next byte to be given.</summary>
    public long OutOffset => _decoder.OutOffset;

    /// <summary>Takes some of <paramref name="input"/> and gives some of <paramref name="output"/>. When neither moves, more input is needed.</summary>
    /// <exception cref="DecompressionException">The stream is damaged, or needs too large a window, or a span is longer than it should be.</exception>
    public void Decode(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int given)
    {
        taken = 0;
        while (_span + 1 < _spans.Count && OutOffset == _spans[_span].OutEnd)
        {
            ref readonly var next = ref _spans[_span + 1];
            if (!next.MidStream)
            {
                if (InOffset > next.InOffset)
                    throw new DecompressionException($"the span before compressed byte {next.InOffset} goes on to byte {InOffset}");
                var skipped = (int)Math.Min(input.Length, next.InOffset - InOffset);
                input = input[skipped..];
                taken += skipped;
                InOffset += skipped;
                if (InOffset < next.InOffset)
                {
                    given = 0;
                    return;
                }

                _decoder.Dispose();
                _decoder = StreamDecoder.Create(_compression, SeekPoint.Fresh(next.InOffset, next.OutOffset), int.MaxValue, _maxWindowLog);
            }

            _span++;
        }

        // What a fresh span gives begins with its first byte and no earlier.
        var room = _span + 1 < _spans.Count ? _spans[_span].OutEnd - OutOffset : long.MaxValue;
        _decoder.Decode(input, output[..(int)Math.Min(output.Length, room)], out var more, out given);
        taken += more;
        InOffset = _decoder.InOffset;
    }

    public void Dispose() => _decoder.Dispose();
}
