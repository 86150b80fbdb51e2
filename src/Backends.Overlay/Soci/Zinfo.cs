using System.Buffers.Binary;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Soci;

/// <summary>SOCI's seek points of a gzip stream (awslabs/soci-snapshotter, ztoc/compression/gzip_zinfo.c: zinfo_to_blob).</summary>
static class Zinfo
{
    /// <summary>How many there are (32 bits), and the span size that was asked for (64 bits).</summary>
    const int HeaderSize = 12;

    /// <summary>Compressed and uncompressed offset, bits, window.</summary>
    const int PointSize = 8 + 8 + 1 + Zlib.WindowSize;

    /// <summary>Of a gzip header with nothing in it, behind which the first version assumes the first point.</summary>
    const int PlainHeader = 10;

    /// <returns>Ascending, the first at the beginning of the stream.</returns>
    /// <exception cref="LayerImportException">They are not of that form, or impossible.</exception>
    public static SeekPoint[] Read(ReadOnlyMemory<byte> packed)
    {
        if (packed.Length < HeaderSize) throw new LayerImportException("it has no seek points");
        var count = BinaryPrimitives.ReadInt32LittleEndian(packed.Span);
        // The first version leaves out the first.
        var missing = packed.Length == HeaderSize + ((count - 1L) * PointSize) ? 1 : 0;
        if (count is < 1 or > IndexBlobFormat.MaxSpans || packed.Length != HeaderSize + ((count - (long)missing) * PointSize))
            throw new LayerImportException($"{count} seek points do not have {packed.Length} bytes");
        var points = new SeekPoint[count];
        if (missing == 1) points[0] = new SeekPoint(PlainHeader, 0, true, 0, default);
        for (var i = missing; i < count; i++)
            points[i] = ReadPoint(packed.Slice(HeaderSize + ((i - missing) * PointSize), PointSize));
        for (var i = 0; i < count; i++)
        {
            var point = points[i];
            var isSound = i == 0
                ? point is { OutOffset: 0, InOffset: > 0 }
                : point.OutOffset > points[i - 1].OutOffset && point.InOffset > points[i - 1].InOffset;
            if (!isSound || point.Bits > 7) throw new LayerImportException($"seek point {i} is impossible");
        }

        return points;
    }

    static SeekPoint ReadPoint(ReadOnlyMemory<byte> packed)
    {
        var bytes = packed.Span;
        var outOffset = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        // What lies before the stream's beginning is no part of a window.
        var window = packed[^(int)Math.Clamp(outOffset, 0, Zlib.WindowSize)..];
        return new SeekPoint(BinaryPrimitives.ReadInt64LittleEndian(bytes), outOffset, true, bytes[16], outOffset <= 0 ? default : window);
    }
}
