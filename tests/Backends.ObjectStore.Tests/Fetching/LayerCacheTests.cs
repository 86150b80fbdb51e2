using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Backends.ObjectStore.Tests.Decompression;
using VirtioFsStore.Core.Interop;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class LayerCacheTests
{
    public static TheoryData<string> Kinds => ["plain", "gzip", "gzip-members", "zstd", "zstd-frames"];

    static MadeLayer Make(string kind, int seed, int size) => kind switch
    {
        "plain" => new(seed, size, Codec.None, data => data),
        "gzip" => MadeLayer.Gzip(seed, size),
        "gzip-members" => new(seed, size, Codec.Gzip, data => Streams.GzipMembers(data, 100_000, 1, 77_777)),
        "zstd" => new(seed, size, Codec.Zstd, data => Streams.ZstdFrames(data, int.MaxValue)),
        "zstd-frames" => new(seed, size, Codec.Zstd, data => Streams.ZstdFrames(data, 70_000)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Pieces_asked_for_in_any_order_are_all_there_and_right(string kind)
    {
        await using var fixture = new CacheFixture(Make(kind, 1, 2_000_000));
        var order = fixture.Layer.Pieces.ToArray();
        new Random(5).Shuffle(order);
        foreach (var piece in order)
        {
            Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(piece.Id, 1, null, default));
            Assert.True(fixture.Reader.Read(piece));
        }

        fixture.Reader.AssertComplete();
        Assert.Equal(fixture.Layer.PieceCount, fixture.Cache.Store.Counters.Read().PiecesFilled);
        Assert.Equal(fixture.Layer.Content, await File.ReadAllBytesAsync(fixture.Files.Data));
    }

    [Fact]
    public async Task What_is_there_is_not_fetched_again()
    {
        await using var fixture = new CacheFixture(Make("gzip", 2, 500_000), CacheFixture.Plain);
        await fixture.Cache.EnsureAsync(0, 1, null, default);
        var requests = fixture.Source.Requests.Count;
        await fixture.Cache.EnsureAsync(0, 1, null, default);
        Assert.Equal(1, requests);
        Assert.Single(fixture.Source.Requests);
        Assert.Equal(1, fixture.Cache.Store.Counters.Read().Misses);
    }

    [Fact]
    public async Task Pieces_that_the_layer_has_not_are_refused()
    {
        await using var fixture = new CacheFixture(Make("gzip", 2, 500_000));
        Assert.Equal(Errno.EINVAL, await fixture.Cache.EnsureAsync(-1, 1, null, default));
        Assert.Equal(Errno.EINVAL, await fixture.Cache.EnsureAsync(0, 0, null, default));
        Assert.Equal(Errno.EINVAL, await fixture.Cache.EnsureAsync(fixture.Layer.PieceCount, 1, null, default));
        Assert.Equal(Errno.EINVAL, await fixture.Cache.EnsureAsync(long.MaxValue, int.MaxValue, null, default));
        Assert.Empty(fixture.Source.Requests);
    }

    [Fact]
    public async Task Many_who_want_the_same_cost_one_request()
    {
        await using var fixture = new CacheFixture(Make("gzip", 3, 1_000_000), CacheFixture.Plain);
        fixture.Source.Gate = 0;
        var piece = fixture.Layer.PieceCount / 3;
        var waits = Enumerable.Range(0, 100).Select(_ => Task.Run(() => fixture.Cache.EnsureAsync(piece, 1, null, default).AsTask())).ToArray();
        // All have asked: each counts its miss before it waits.
        await Wait.UntilAsync(() => fixture.Cache.Store.Counters.Read().Misses >= waits.Length);
        fixture.Source.Gate = long.MaxValue;
        Assert.All(await Task.WhenAll(waits), error => Assert.Equal(Errno.None, error));
        Assert.Single(fixture.Source.Requests);
    }

    [Fact]
    public async Task Neighbouring_spans_come_in_one_request()
    {
        await using var fixture = new CacheFixture(Make("gzip", 4, 3_000_000), CacheFixture.Plain);
        var first = fixture.Layer.Spans[3];
        var last = fixture.Layer.Spans[7];
        var count = (int)(last.FirstPiece + 1 - first.FirstPiece);
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(first.FirstPiece, count, null, default));
        var (offset, length, priority) = Assert.Single(fixture.Source.Requests);
        Assert.InRange(offset, first.Start.InOffset - 1, first.Start.InOffset);
        Assert.Equal(last.InEnd, offset + length);
        Assert.Equal(RequestPriority.Demand, priority);
    }

    [Fact]
    public async Task A_cancelled_wait_leaves_the_fetch_to_the_others()
    {
        await using var fixture = new CacheFixture(Make("gzip", 5, 500_000), CacheFixture.Plain);
        fixture.Source.Gate = 0;
        using var cancel = new CancellationTokenSource();
        var first = fixture.Cache.EnsureAsync(0, 1, null, cancel.Token).AsTask();
        var second = fixture.Cache.EnsureAsync(0, 1, null, default).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        fixture.Source.Gate = long.MaxValue;
        Assert.Equal(Errno.None, await second);
        Assert.Single(fixture.Source.Requests);
    }

    [Fact]
    public async Task A_layer_of_one_frame_streams_once_and_lets_early_waiters_go_before_its_end()
    {
        await using var fixture = new CacheFixture(Make("zstd", 6, 4_000_000));
        Assert.Single(fixture.Layer.Spans);
        fixture.Source.Gate = fixture.Layer.BlobSize / 2;
        var last = fixture.Cache.EnsureAsync(fixture.Layer.PieceCount - 1, 1, null, default).AsTask();
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(0, 1, null, default));
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(fixture.Layer.PieceCount / 4, 1, null, default));
        Assert.False(last.IsCompleted);
        fixture.Source.Gate = long.MaxValue;
        Assert.Equal(Errno.None, await last);
        fixture.Reader.AssertComplete();
        Assert.Single(fixture.Source.Requests);
        Assert.Equal(fixture.Layer.BlobSize, fixture.Source.Given);
    }

    [Fact]
    public async Task A_mismatch_is_fetched_once_more_and_then_EIO_until_the_source_is_mended()
    {
        // Stored, so that a flipped bit is a wrong byte and not a stream that ends.
        await using var fixture = new CacheFixture(new MadeLayer(7, 400_000, Codec.None, data => data), CacheFixture.Plain);
        var piece = fixture.Layer.Pieces[5];
        fixture.Source.Tamper = (offset, bytes) => Flip(offset, bytes, piece.StreamOffset);
        Assert.Equal(Errno.EIO, await fixture.Cache.EnsureAsync(5, 1, null, default));
        Assert.Equal(2, fixture.Source.Requests.Count);
        Assert.False(fixture.Reader.IsPresent(5));
        var counts = fixture.Cache.Store.Counters.Read();
        Assert.Equal((2, 1), (counts.VerifyFailures, counts.Refetches));

        fixture.Source.Tamper = null;
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(5, 1, null, default));
        Assert.True(fixture.Reader.Read(piece));
    }

    [Fact]
    public async Task A_piece_that_is_bad_for_ever_costs_few_requests_and_holds_up_no_other()
    {
        await using var fixture = new CacheFixture(new MadeLayer(7, 400_000, Codec.None, data => data), CacheFixture.Plain with { RestAfter = 0 });
        var bad = fixture.Layer.Pieces[5];
        fixture.Source.Tamper = (offset, bytes) => Flip(offset, bytes, bad.StreamOffset);
        // From the first read on, all that is left is fetched as well.
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(0, 1, null, default));
        await Wait.UntilAsync(() => fixture.Reader.PresentCount() >= fixture.Layer.PieceCount - 1);

        const int Reads = 10;
        var before = fixture.Source.Requests.Count;
        for (var read = 0; read < Reads; read++)
            Assert.Equal(Errno.EIO, await fixture.Cache.EnsureAsync(bad.Id, 1, null, default));

        // Two for each read, and for each of them one more for the rest at most.
        Assert.InRange(fixture.Source.Requests.Count - before, 1, 4 * Reads);
        Assert.False(fixture.Reader.IsPresent(bad.Id));
        fixture.Reader.AssertRight();
    }

    [Fact]
    public async Task A_bit_that_flips_once_is_nobodys_error()
    {
        await using var fixture = new CacheFixture(new MadeLayer(8, 400_000, Codec.None, data => data), CacheFixture.Plain);
        var flipped = 0;
        fixture.Source.Tamper = (offset, bytes) =>
        {
            if (fixture.Source.Requests.Count == 1) flipped += Flip(offset, bytes, fixture.Layer.Pieces[3].StreamOffset);
        };
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(3, 1, null, default));
        Assert.Equal(1, flipped);
        Assert.True(fixture.Reader.Read(fixture.Layer.Pieces[3]));
    }

    [Fact]
    public async Task A_stream_that_does_not_decompress_is_EIO_for_what_lies_behind_alone_and_not_for_ever()
    {
        await using var fixture = new CacheFixture(MadeLayer.Gzip(9, 2_000_000), CacheFixture.Plain);
        var span = fixture.Layer.Spans[4];
        fixture.Source.Tamper = (offset, bytes) =>
        {
            for (var i = span.Start.InOffset + 50; i < span.InEnd; i++) Flip(offset, bytes, i);
        };
        Assert.Equal(Errno.EIO, await fixture.Cache.EnsureAsync(span.FirstPiece + span.PieceCount - 1, 1, null, default));
        var next = fixture.Layer.Spans[5];
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(next.FirstPiece, (int)next.PieceCount, null, default));
        fixture.Source.Tamper = null;
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(0, (int)fixture.Layer.PieceCount, null, default));
        fixture.Reader.AssertComplete();
    }

    [Fact]
    public async Task Who_waits_for_what_lies_behind_a_damaged_span_does_not_wait_for_its_being_fetched_again()
    {
        // Frames, so that what is damaged of one does not go on into the next.
        await using var fixture = new CacheFixture(Make("zstd-frames", 9, 2_000_000), CacheFixture.Plain);
        var (damaged, behind) = (fixture.Layer.Spans[4], fixture.Layer.Spans[6]);
        fixture.Source.Tamper = (offset, bytes) =>
        {
            for (var i = damaged.Start.InOffset + 50; i < damaged.InEnd; i++) Flip(offset, bytes, i);
        };
        fixture.Source.Gate = 0;
        var all = fixture.Cache.EnsureAsync(damaged.FirstPiece, (int)(behind.FirstPiece + behind.PieceCount - damaged.FirstPiece), null, default).AsTask();
        await Wait.UntilAsync(() => !fixture.Source.Requests.IsEmpty);
        var other = fixture.Cache.EnsureAsync(behind.FirstPiece, (int)behind.PieceCount, null, default).AsTask();
        fixture.Source.Gate = long.MaxValue;

        Assert.Equal(Errno.EIO, await all);
        Assert.Equal(Errno.None, await other);
        Assert.Equal(1, fixture.Cache.Store.Counters.Read().Refetches);
    }

    [Fact]
    public async Task A_source_that_fails_is_EIO_for_this_read_and_the_next_one_asks_again()
    {
        await using var fixture = new CacheFixture(MadeLayer.Gzip(10, 500_000), CacheFixture.Plain);
        fixture.Source.BeforeRead = _ => throw new SourceException(SourceFailure.Transient, "gone");
        Assert.Equal(Errno.EIO, await fixture.Cache.EnsureAsync(0, 1, null, default));
        Assert.Single(fixture.Source.Requests);
        fixture.Source.BeforeRead = null;
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(0, 1, null, default));
    }

    [Fact]
    public async Task Who_came_after_a_fetch_began_has_one_of_their_own_when_it_fails()
    {
        await using var fixture = new CacheFixture(MadeLayer.Gzip(11, 500_000), CacheFixture.Plain);
        fixture.Source.Gate = 0;
        fixture.Source.BeforeRead = _ =>
        {
            if (fixture.Source.Requests.Count == 1) throw new SourceException(SourceFailure.Transient, "gone");
        };
        var first = fixture.Cache.EnsureAsync(0, 1, null, default).AsTask();
        await Wait.UntilAsync(() => !fixture.Source.Requests.IsEmpty);
        var second = fixture.Cache.EnsureAsync(0, 1, null, default).AsTask();
        fixture.Source.Gate = long.MaxValue;
        Assert.Equal(Errno.EIO, await first);
        Assert.Equal(Errno.None, await second);
    }

    static int Flip(long offset, Memory<byte> bytes, long at)
    {
        if (at < offset || at >= offset + bytes.Length) return 0;
        bytes.Span[(int)(at - offset)] ^= 0x10;
        return 1;
    }
}
