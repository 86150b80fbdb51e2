using System.Buffers.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>The last 51 bytes of an eStargz blob: an empty gzip member whose extra field has a subfield "SG" with 16 hexadecimal digits, the
/// offset of the table of contents, and "STARGZ".</summary>
static class EStargzFooter
{
    public const int Size = 51;

    const int ExtraOffset = 12;
    const int Digits = 16;

    /// <returns>Where the table of contents begins; null where the blob has no such footer.</returns>
    /// <exception cref="LayerImportException">It points outside.</exception>
    /// <exception cref="SourceException">The blob cannot be read.</exception>
    public static async ValueTask<long?> ReadAsync(IRangeSource blob, CancellationToken cancellation)
    {
        if (blob.Size <= Size) return null;
        var footer = new byte[Size];
        await blob.ReadAsync(blob.Size - Size, footer, cancellation).ConfigureAwait(false);
        if (TryParse(footer) is not { } offset) return null;
        return offset < blob.Size - Size ? offset : throw new LayerImportException($"its footer points to byte {offset} of {blob.Size}");
    }

    static long? TryParse(ReadOnlySpan<byte> footer)
    {
        // RFC 1952: magic, deflate, FEXTRA; the length of the extra field, of its subfield.
        if (!footer.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b, 8, 4]) || !footer[10..].StartsWith((ReadOnlySpan<byte>)[26, 0])) return null;
        var subfield = footer.Slice(ExtraOffset, 26);
        if (!subfield.StartsWith((ReadOnlySpan<byte>)[(byte)'S', (byte)'G', 22, 0]) || !subfield[(4 + Digits)..].SequenceEqual("STARGZ"u8)) return null;
        return Utf8Parser.TryParse(subfield.Slice(4, Digits), out long offset, out var used, 'x') && used == Digits && offset >= 0 ? offset : null;
    }
}
