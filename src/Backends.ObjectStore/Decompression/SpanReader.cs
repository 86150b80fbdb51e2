using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>Random access: decompresses one span from its seek point.</summary>
public static class SpanReader
{
    const int InputSize = 256 << 10;

    /// <summary>Fills <paramref name="into"/> with uncompressed bytes from the seek point on. Nothing is verified here:
    /// that is for whoever knows the pieces' digests.</summary>
    /// <param name="source">The compressed blob.</param>
    /// <param name="compression">Of the blob.</param>
    /// <param name="start">Where the span begins.</param>
    /// <param name="inEnd">No compressed byte from here on is read.</param>
    /// <param name="into">At most the span's length.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DecompressionException">The bytes do not decompress, or give less.</exception>
    public static async ValueTask ReadAsync(
        IRangeSource source, Compression compression, SeekPoint start, long inEnd, Memory<byte> into, CancellationToken cancellation)
    {
        // Both come from an index, which may be damaged.
        if (start.InOffset < 0 || inEnd < start.InOffset)
            throw new DecompressionException($"a span from compressed byte {start.InOffset} to {inEnd} is impossible");
        using var decoder = StreamDecoder.Create(compression, start, int.MaxValue);
        var input = new byte[(int)Math.Min(InputSize, inEnd - start.InOffset + decoder.LeadingBytes)];
        var given = 0;
        var range = inEnd > decoder.InOffset && decoder.InOffset >= 0 && inEnd <= source.Size
            ? await source.OpenAsync(decoder.InOffset, inEnd - decoder.InOffset, cancellation).ConfigureAwait(false)
            : Stream.Null;
        await using var ends = range.ConfigureAwait(false);
        while (given < into.Length)
        {
            var length = await range.ReadAsync(input, cancellation).ConfigureAwait(false);
            var position = 0;
            while (given < into.Length)
            {
                decoder.Decode(input.AsSpan(position, length - position), into.Span[given..], out var taken, out var more);
                position += taken;
                given += more;
                if (taken == 0 && more == 0) break;
            }

            if (length == 0 && given < into.Length)
                throw new DecompressionException($"the span at compressed byte {start.InOffset} gives {given} bytes, not {into.Length}");
        }
    }
}
