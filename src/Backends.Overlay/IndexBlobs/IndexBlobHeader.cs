using System.Buffers.Binary;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>The first frame of an index blob: which layer it is of, and how long its parts are.</summary>
/// <param name="Info">Of the layer.</param>
/// <param name="Sections">Of each <see cref="IndexSection"/>: bytes in the blob, and what they decompress to.</param>
sealed record IndexBlobHeader(LayerInfo Info, IReadOnlyList<(long Packed, long Size)> Sections)
{
    public const int SectionCount = 4;

    /// <summary>The frame, which has the same size whatever the sections' lengths are.</summary>
    public byte[] Encode()
    {
        var writer = new ColumnWriter();
        writer.Fixed(IndexBlobFormat.Magic);
        writer.Fixed(IndexBlobFormat.Version);
        Text(Info.BlobDigest);
        Text(Info.DiffId);
        foreach (var number in (long[])[Info.BlobSize, Info.StreamSize, (long)Info.Compression, Info.DataSize, Info.Allocated, Info.EntryCount, Info.PieceCount, Info.SpanCount])
            writer.Fixed((ulong)number);
        foreach (var (packed, size) in Sections)
        {
            writer.Fixed((ulong)packed);
            writer.Fixed((ulong)size);
        }

        var frame = new byte[8 + writer.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, IndexBlobFormat.SkippableMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(4), (uint)writer.Length);
        writer.Written.CopyTo(frame.AsSpan(8));
        return frame;

        void Text(Digest digest)
        {
            var text = Encoding.ASCII.GetBytes(digest.ToString());
            writer.Byte((byte)text.Length);
            writer.Bytes(text);
        }
    }

    /// <param name="start">The blob's first bytes, up to <see cref="IndexBlobFormat.MaxHeaderSize"/>.</param>
    /// <param name="blobSize">Of the index blob.</param>
    /// <param name="length">Of the frame: where the first section begins.</param>
    /// <exception cref="LayerImportException">It is no header, or its parts do not make up the blob.</exception>
    public static IndexBlobHeader Decode(ReadOnlyMemory<byte> start, long blobSize, out int length)
    {
        length = 0;
        if (start.Length < 8 || (BinaryPrimitives.ReadUInt32LittleEndian(start.Span) & IndexBlobFormat.SkippableMask) != IndexBlobFormat.SkippableMagic)
            throw new LayerImportException("it does not begin with a skippable zstd frame: it is no layer index");
        var size = BinaryPrimitives.ReadUInt32LittleEndian(start.Span[4..]);
        if (size > start.Length - 8) throw new LayerImportException($"its first frame has {size} bytes, more than a header has or more than there are");
        length = 8 + (int)size;
        var reader = new ColumnReader(start.Slice(8, (int)size));
        if (reader.Fixed() != IndexBlobFormat.Magic) throw new LayerImportException("its first frame is not the header of a layer index");
        var version = reader.Fixed();
        if (version != IndexBlobFormat.Version) throw new LayerImportException($"it has format {version}, this program reads {IndexBlobFormat.Version}");
        var blob = Text();
        var diffId = Text();
        var numbers = new long[8];
        foreach (ref var number in numbers.AsSpan()) number = Fixed();
        var sections = new (long Packed, long Size)[SectionCount];
        var end = (long)length;
        foreach (ref var section in sections.AsSpan())
        {
            section = (Fixed(), Fixed());
            if (section.Packed > blobSize - end) throw new LayerImportException("its sections are longer than it is");
            end += section.Packed;
        }

        if (!reader.AtEnd || end != blobSize) throw new LayerImportException("it has bytes that are part of nothing");
        if (numbers[2] > (long)Compression.Zstd) throw new LayerImportException($"compression {numbers[2]} is not known");
        if (numbers[7] > IndexBlobFormat.MaxSpans) throw new LayerImportException($"it has {numbers[7]} spans, more than {IndexBlobFormat.MaxSpans}");
        return new IndexBlobHeader(
            new LayerInfo(blob, numbers[0], diffId, numbers[1], (Compression)numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], (int)numbers[7]), sections);

        long Fixed() => reader.Fixed() is <= long.MaxValue and var value ? (long)value : throw new LayerImportException("a number of its header has 64 bits");

        Digest Text() => Digest.TryParse(Encoding.ASCII.GetString(reader.Bytes(reader.Byte()).Span)) ?? throw new LayerImportException("a digest of its header is none");
    }
}
