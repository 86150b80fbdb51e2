using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>A span of an index blob: a byte (its bits, and 8 if it begins within a member), compressed bytes between the span before and this one,
/// compressed bytes, uncompressed bytes, and of the first kind the size of its window.</summary>
static class SpanCoding
{
    const byte MidStream = 8;

    public static void Write(ColumnWriter column, SeekSpan span, long previousEnd)
    {
        column.Byte((byte)(span.Start.Bits | (span.Start.MidStream ? MidStream : 0)));
        column.Number(span.Start.InOffset - previousEnd);
        column.Number(span.InEnd - span.Start.InOffset);
        column.Number(span.OutEnd - span.Start.OutOffset);
        if (span.Start.MidStream) column.Number(span.Start.Window.Length);
    }

    /// <param name="section">Stands at a span.</param>
    /// <param name="compression">Of the layer.</param>
    /// <param name="inOffset">Where the span before ends in the blob.</param>
    /// <param name="outOffset">Where it ends in the stream.</param>
    /// <exception cref="LayerImportException">There can be no such span.</exception>
    public static ImportedSpan Read(SectionReader section, Compression compression, long inOffset, long outOffset)
    {
        Span<byte> flags = stackalloc byte[1];
        section.Read(flags);
        var midStream = (flags[0] & MidStream) != 0;
        var bits = flags[0] & 7;
        var gap = section.Number();
        var inLength = section.Number();
        var outLength = section.Number();
        var window = midStream ? section.Number() : 0;
        if (flags[0] > (MidStream | 7) || (!midStream && bits != 0)) throw new LayerImportException($"a span has the flags {flags[0]}");
        if (midStream && compression != Compression.Gzip) throw new LayerImportException("a span begins in the middle of what is not gzip");
        if (window > Math.Min(Zlib.WindowSize, outOffset)) throw new LayerImportException($"a window has {window} bytes");
        if (gap > long.MaxValue - inOffset || inLength > long.MaxValue - inOffset - gap || outLength > long.MaxValue - outOffset)
            throw new LayerImportException("a span lies beyond all blobs");
        var start = inOffset + gap;
        // The byte with the first bits is the one before.
        if (bits > 0 && start == 0) throw new LayerImportException("a span begins before its blob");
        if (compression == Compression.None && (inLength != outLength || start != outOffset)) throw new LayerImportException("a span of plain data has another place in the blob than in the stream");
        return new ImportedSpan(start, start + inLength, outOffset, outOffset + outLength, midStream, bits, (int)window);
    }
}
