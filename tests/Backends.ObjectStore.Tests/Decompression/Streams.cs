using System.Buffers.Binary;
using System.IO.Compression;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Decompression;

/// <summary>Makes compressed streams of every kind.</summary>
static class Streams
{
    /// <summary>Runs of random, repetitive and zero bytes, so that blocks of all kinds come about.</summary>
    public static byte[] Mixed(int seed, int length)
    {
        var random = new Random(seed);
        var data = new byte[length];
        for (var position = 0; position < length;)
        {
            var run = data.AsSpan(position, Math.Min(length - position, random.Next(1, 200_000)));
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(run);
                    break;
                case 1:
                    for (var i = 0; i < run.Length; i++) run[i] = (byte)('a' + random.Next(4));
                    break;
                case 2 when position > 40000:
                    for (var i = 0; i < run.Length; i++) run[i] = data[position + i - 32768];
                    break;
            }

            position += run.Length;
        }

        return data;
    }

    public static byte[] Gzip(ReadOnlySpan<byte> data, CompressionLevel level = CompressionLevel.Optimal)
    {
        // GZipStream writes no member at all for no data.
        if (data.IsEmpty) return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, level, leaveOpen: true)) gzip.Write(data);
        return compressed.ToArray();
    }

    /// <summary>Members of the given sizes in turn.</summary>
    public static byte[] GzipMembers(byte[] data, params int[] sizes)
    {
        var all = new List<byte>();
        for (int position = 0, i = 0; position < data.Length; i++)
        {
            var size = Math.Min(sizes[i % sizes.Length], data.Length - position);
            all.AddRange(Gzip(data.AsSpan(position, size)));
            position += size;
        }

        return [.. all];
    }

    /// <summary>bgzip: members of at most 64 KiB whose header has an extra field with the member's size, and an empty one last
    /// (SAM specification, section 4.1).</summary>
    public static byte[] Bgzip(byte[] data)
    {
        var all = new List<byte>();
        for (var position = 0; position <= data.Length; position += 65280)
        {
            var member = Gzip(data.AsSpan(position, Math.Min(65280, data.Length - position)));
            byte[] header = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, (byte)'B', (byte)'C', 2, 0, 0, 0];
            BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(16), (ushort)(member.Length + 8 - 1));
            all.AddRange(header);
            all.AddRange(member.AsSpan(10));
        }

        return [.. all];
    }

    public static unsafe byte[] ZstdFrames(byte[] data, int frameSize)
    {
        var all = new List<byte>();
        var context = Zstd.CreateCompressor();
        for (var position = 0; position == 0 || position < data.Length; position += frameSize)
        {
            var length = Math.Min(frameSize, data.Length - position);
            var frame = new byte[(int)Zstd.CompressBound((nuint)length)];
            fixed (byte* source = data)
            fixed (byte* target = frame)
            {
                var size = Zstd.Compress(context, target, (nuint)frame.Length, source + position, (nuint)length, 3);
                if (Zstd.IsError(size)) throw new InvalidOperationException(Zstd.ErrorName(size));
                all.AddRange(frame.AsSpan(0, (int)size));
            }
        }

        Zstd.FreeCompressor(context);
        return [.. all];
    }

    /// <summary>A frame that decoders skip (RFC 8878, 3.1.2).</summary>
    public static byte[] ZstdSkippable(byte[] content)
    {
        var frame = new byte[8 + content.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, 0x184d2a50);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), content.Length);
        content.CopyTo(frame, 8);
        return frame;
    }
}
