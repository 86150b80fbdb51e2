using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>Decompresses tables of contents, in bounded memory.</summary>
static class TocBytes
{
    /// <summary>Beside the JSON a tar has its header and its end.</summary>
    const int MaxTar = TocReader.MaxSize + (64 << 10);

    /// <exception cref="LayerImportException">There is more than is worth its memory.</exception>
    public static int CheckPacked(long size) =>
        size <= TocReader.MaxSize ? (int)size : throw new LayerImportException($"its table of contents has {size} bytes, more than {TocReader.MaxSize}");

    /// <exception cref="LayerImportException">It is damaged, or grows too large.</exception>
    public static ReadOnlyMemory<byte> Gunzip(ReadOnlySpan<byte> packed)
    {
        using var decoder = StreamDecoder.Create(Compression.Gzip, SeekPoint.Fresh(0, 0), int.MaxValue);
        var output = new byte[Math.Min(MaxTar, Math.Max(64 << 10, packed.Length * 8L))];
        var length = 0;
        try
        {
            while (true)
            {
                if (length == output.Length)
                {
                    if (length == MaxTar) throw new LayerImportException($"its table of contents grows to more than {MaxTar} bytes");
                    Array.Resize(ref output, (int)Math.Min(MaxTar, output.Length * 2L));
                }

                decoder.Decode(packed, output.AsSpan(length), out var taken, out var given);
                if (taken == 0 && given == 0) break;
                packed = packed[taken..];
                length += given;
            }
        }
        catch (DecompressionException e)
        {
            throw new LayerImportException($"its table of contents is damaged: {e.Message}");
        }

        return packed.IsEmpty && decoder.MayEnd ? output.AsMemory(0, length) : throw new LayerImportException("its table of contents was cut");
    }

    /// <param name="packed">One zstd frame.</param>
    /// <param name="size">What it decompresses to, exactly.</param>
    /// <exception cref="LayerImportException">It is damaged, or does not.</exception>
    public static unsafe byte[] Unzstd(ReadOnlySpan<byte> packed, long size)
    {
        var output = new byte[CheckPacked(size)];
        var context = Zstd.CreateDecompressor();
        try
        {
            fixed (byte* source = packed)
            fixed (byte* target = output)
            {
                // From one buffer into another: no memory is taken for a window.
                var length = Zstd.Decompress(context, target, (nuint)output.Length, source, (nuint)packed.Length);
                if (Zstd.IsError(length)) throw new LayerImportException($"its table of contents is damaged: {Zstd.ErrorName(length)}");
                return length == (nuint)size ? output : throw new LayerImportException($"its table of contents has {length} bytes, not {size}");
            }
        }
        finally
        {
            Zstd.FreeDecompressor(context);
        }
    }
}
