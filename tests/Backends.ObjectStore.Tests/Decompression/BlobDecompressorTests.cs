using System.IO.Compression;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Decompression;

public sealed class BlobDecompressorTests
{
    const int SpanSize = 128 << 10;

    public static TheoryData<string> Kinds =>
    [
        "plain", "gzip", "gzip-fastest", "gzip-stored", "gzip-smallest", "gzip-members", "gzip-tiny-members", "gzip-padded", "bgzip",
        "zstd", "zstd-frames", "zstd-skippable",
    ];

    static (Codec Codec, byte[] Blob) Make(string kind, byte[] data) => kind switch
    {
        "plain" => (Codec.None, data),
        "gzip" => (Codec.Gzip, Streams.Gzip(data)),
        "gzip-fastest" => (Codec.Gzip, Streams.Gzip(data, CompressionLevel.Fastest)),
        "gzip-stored" => (Codec.Gzip, Streams.Gzip(data, CompressionLevel.NoCompression)),
        "gzip-smallest" => (Codec.Gzip, Streams.Gzip(data, CompressionLevel.SmallestSize)),
        "gzip-members" => (Codec.Gzip, Streams.GzipMembers(data, 300_000, 1, 77_777, 1_000_000)),
        "gzip-tiny-members" => (Codec.Gzip, Streams.GzipMembers(data, 999)),
        "gzip-padded" => (Codec.Gzip, [.. Streams.Gzip(data), .. new byte[5000]]),
        "bgzip" => (Codec.Gzip, Streams.Bgzip(data)),
        "zstd" => (Codec.Zstd, Streams.ZstdFrames(data, int.MaxValue)),
        "zstd-frames" => (Codec.Zstd, Streams.ZstdFrames(data, 50_000)),
        "zstd-skippable" => (Codec.Zstd, [.. Streams.ZstdSkippable(new byte[30]), .. Streams.ZstdFrames(data, 400_000), .. Streams.ZstdSkippable([1])]),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    static async Task<(byte[] Data, List<SeekPoint> Points)> RunAsync(
        IRangeSource source, Codec codec, Digest blob, Digest diffId, long? maxOutput = null)
    {
        var data = new List<byte>();
        var points = new List<SeekPoint> { SeekPoint.Fresh(0, 0) };
        await foreach (var chunk in new BlobDecompressor(source, codec, blob, diffId, maxOutput, SpanSize).ReadAsync())
        {
            Assert.Equal(data.Count, chunk.Offset);
            // A consumer cuts at the points, so each must come before the bytes behind it.
            Assert.All(chunk.Points, point => Assert.InRange(point.OutOffset, data.Count, data.Count + chunk.Data.Length));
            data.AddRange(chunk.Data.Span);
            points.AddRange(chunk.Points);
        }

        return ([.. data], points);
    }

    static Task<(byte[] Data, List<SeekPoint> Points)> RunAsync(byte[] blob, Codec codec, byte[] data, int longestRead = int.MaxValue) =>
        RunAsync(new MemorySource(blob, longestRead), codec, Digest.Sha256(blob), Digest.Sha256(data));

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Every_kind_of_stream_comes_out_whole_and_verified(string kind)
    {
        var data = Streams.Mixed(1, 3_333_333);
        var (codec, blob) = Make(kind, data);
        var (actual, _) = await RunAsync(blob, codec, data, longestRead: 77_777);
        Assert.True(actual.AsSpan().SequenceEqual(data));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Every_span_can_be_read_alone_from_its_seek_point(string kind)
    {
        var data = Streams.Mixed(2, 2_222_222);
        var (codec, blob) = Make(kind, data);
        var (_, points) = await RunAsync(blob, codec, data);
        // Frames that give nothing may follow the data; a point before them begins an empty span.
        points.RemoveAll(point => point.OutOffset == data.Length);
        for (var i = 0; i < points.Count; i++)
        {
            var source = new MemorySource(blob, 10_000);
            var outEnd = i + 1 < points.Count ? points[i + 1].OutOffset : data.Length;
            var inEnd = i + 1 < points.Count ? points[i + 1].InOffset : blob.Length;
            var span = new byte[outEnd - points[i].OutOffset];
            await SpanReader.ReadAsync(source, codec, points[i], inEnd, span, default);
            Assert.True(span.AsSpan().SequenceEqual(data.AsSpan((int)points[i].OutOffset, span.Length)), $"span {i} of {points.Count}");
            Assert.InRange(source.Lowest, points[i].InOffset - 1, points[i].InOffset);
            Assert.InRange(source.Highest, 0, inEnd);
        }
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("gzip")]
    [InlineData("gzip-members")]
    [InlineData("bgzip")]
    [InlineData("zstd-frames")]
    public async Task Seek_points_lie_no_closer_than_a_span_and_not_much_farther(string kind)
    {
        var data = Streams.Mixed(3, 4_000_000);
        var (codec, blob) = Make(kind, data);
        var (_, points) = await RunAsync(blob, codec, data);
        for (var i = 1; i < points.Count; i++) Assert.InRange(points[i].OutOffset - points[i - 1].OutOffset, SpanSize, 5 * SpanSize);
        Assert.InRange(data.Length - points[^1].OutOffset, 0, 5 * SpanSize);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_empty_stream_is_a_stream(string kind)
    {
        if (kind is "gzip-members" or "gzip-tiny-members") return; // of no data they make no member
        var (codec, blob) = Make(kind, []);
        var (actual, _) = await RunAsync(blob, codec, []);
        Assert.Empty(actual);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("bgzip")]
    public async Task A_stream_that_was_cut_is_refused_wherever_it_was_cut(string kind)
    {
        var data = Streams.Mixed(4, 150_000);
        var (codec, blob) = Make(kind, data);
        foreach (var length in (int[])[0, 1, 5, 20, blob.Length / 2, blob.Length - 9, blob.Length - 1])
        {
            // The digest is that of the cut blob: as a registry would give it that was pushed to in the middle.
            var cut = blob[..length];
            var error = await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(cut, codec, data));
            Assert.NotEmpty(error.Message);
        }
    }

    [Fact]
    public async Task A_damaged_blob_is_told_from_a_bad_one_by_its_digest()
    {
        var data = Streams.Mixed(5, 500_000);
        var blob = Streams.Gzip(data);
        var good = Digest.Sha256(blob);
        blob[blob.Length / 2] ^= 0x40;
        var damaged = await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(new MemorySource(blob), Codec.Gzip, good, Digest.Sha256(data)));
        Assert.Contains("fetch the image again", damaged.Message, StringComparison.Ordinal);
        var bad = await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(blob, Codec.Gzip, data));
        Assert.Contains("gzip data is damaged", bad.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_wrong_blob_digest_is_refused_even_if_all_decompresses(string kind)
    {
        var data = Streams.Mixed(6, 100_000);
        var (codec, blob) = Make(kind, data);
        var error = await Assert.ThrowsAsync<DecompressionException>(
            () => RunAsync(new MemorySource(blob), codec, Digest.Sha256("other"u8), Digest.Sha256(data)));
        Assert.Contains(Digest.Sha256(blob).ToString(), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_wrong_diff_id_is_refused_even_if_the_blob_is_right(string kind)
    {
        var data = Streams.Mixed(7, 100_000);
        var (codec, blob) = Make(kind, data);
        var error = await Assert.ThrowsAsync<DecompressionException>(
            () => RunAsync(new MemorySource(blob), codec, Digest.Sha256(blob), Digest.Sha256("other"u8)));
        Assert.Contains("configuration", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task A_bomb_is_stopped_at_the_limit(string kind)
    {
        var data = new byte[8 << 20];
        var (codec, blob) = Make(kind, data);
        var error = await Assert.ThrowsAsync<DecompressionException>(
            () => RunAsync(new MemorySource(blob), codec, Digest.Sha256(blob), Digest.Sha256(data), maxOutput: 4 << 20));
        Assert.Contains("bomb", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_behind_the_last_gzip_member_is_refused()
    {
        var data = Streams.Mixed(8, 1000);
        foreach (var tail in (byte[][])[[1], [0, 0, 1], [0x1f, 0x8b, 9]])
        {
            byte[] blob = [.. Streams.Gzip(data), .. tail];
            await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(blob, Codec.Gzip, data));
        }
    }

    [Fact]
    public async Task What_is_not_compressed_as_announced_is_refused()
    {
        var data = Streams.Mixed(9, 10_000);
        await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(data, Codec.Gzip, data));
        await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(data, Codec.Zstd, data));
        await Assert.ThrowsAsync<DecompressionException>(() => RunAsync(Streams.Gzip(data), Codec.None, data));
    }

    [Fact]
    public async Task A_source_that_ends_early_is_named()
    {
        var data = Streams.Mixed(10, 10_000);
        var error = await Assert.ThrowsAsync<SourceException>(() => RunAsync(
            new MemorySource(data, claimedSize: 20_000), Codec.None, Digest.Sha256(data), Digest.Sha256(data)));
        Assert.Contains("memory ended at byte 10000 of 20000", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_in_the_middle_ends_both_sides()
    {
        var data = Streams.Mixed(11, 20 << 20);
        using var stop = new CancellationTokenSource();
        var chunks = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in new BlobDecompressor(new MemorySource(data), Codec.None, Digest.Sha256(data), Digest.Sha256(data)).ReadAsync(stop.Token))
                if (++chunks == 2) await stop.CancelAsync();
        });
        Assert.InRange(chunks, 2, 19);
    }

    [Fact]
    public async Task Leaving_the_sequence_early_is_no_error()
    {
        var data = Streams.Mixed(12, 20 << 20);
        var chunks = 0;
        await foreach (var _ in new BlobDecompressor(new MemorySource(data), Codec.None, Digest.Sha256(data), Digest.Sha256(data)).ReadAsync())
            if (++chunks == 2) break;
        Assert.Equal(2, chunks);
    }

    [Fact]
    public void Windows_survive_packing()
    {
        using var codec = new WindowCodec();
        foreach (var length in (int[])[0, 1, 1000, 32768])
        {
            var window = Streams.Mixed(13, length);
            Assert.Equal(window, WindowCodec.Unpack(codec.Pack(window), length));
        }
    }

    [Theory]
    [InlineData(50, 49)]
    [InlineData(-1, 50)]
    [InlineData(long.MaxValue, long.MinValue)]
    public async Task A_span_that_ends_before_it_begins_is_refused(long start, long end)
    {
        var (codec, blob) = Make("gzip", Streams.Mixed(15, 100_000));
        await Assert.ThrowsAsync<DecompressionException>(
            () => SpanReader.ReadAsync(new MemorySource(blob, int.MaxValue), codec, SeekPoint.Fresh(start, 0), end, new byte[10], default).AsTask());
    }

    [Fact]
    public void A_damaged_window_is_refused()
    {
        using var codec = new WindowCodec();
        var packed = codec.Pack(Streams.Mixed(14, 32768)).ToArray();
        Assert.Throws<DecompressionException>(() => WindowCodec.Unpack(packed, 32767));
        Assert.Throws<DecompressionException>(() => WindowCodec.Unpack(packed.AsSpan(0, packed.Length - 1), 32768));
        Assert.Throws<DecompressionException>(() => WindowCodec.Unpack(packed, 1 << 30));
    }
}
