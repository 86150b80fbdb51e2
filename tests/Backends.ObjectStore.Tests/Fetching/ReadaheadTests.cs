using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class ReadaheadTests
{
    const int Span = 32 << 10;

    static LayerCacheOptions Options => new() { FirstWindow = 2 * Span, MaxWindow = 16 * Span, MaxWait = 4 * Span, MaxGap = 0, RestAfter = 2 };

    /// <summary>Stored, so that compressed bytes are bytes; every span has pieces.</summary>
    static MadeLayer Layer(int spans) => new(60, spans * Span, Codec.None, data => data, Span, maxFile: 20_000);

    [Fact]
    public async Task Who_reads_on_has_twice_as_much_read_ahead_each_time()
    {
        await using var fixture = new CacheFixture(Layer(100), Options);
        var stream = new FetchStream();
        foreach (var piece in fixture.Layer.Pieces)
        {
            // A server asks for what it finds absent.
            if (fixture.Reader.IsPresent(piece.Id)) continue;
            Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(piece.Id, 1, stream, default));
            await Wait.UntilAsync(() => fixture.Source.Requests.Last() is var (offset, length, _) && IsThere(fixture, offset + length));
        }

        var spans = fixture.Source.Requests.Select(request => (request.Length + Span - 1) / Span).ToArray();
        Assert.Equal([1, 1, 2, 4, 8, 16, 16], spans[..7]);
        Assert.Equal(fixture.Layer.BlobSize, fixture.Source.Requests.Sum(request => request.Length));
        fixture.Reader.AssertComplete();
    }

    [Fact]
    public async Task Who_jumps_about_gets_only_what_was_asked_for()
    {
        await using var fixture = new CacheFixture(Layer(100), Options);
        var stream = new FetchStream();
        foreach (var span in new[] { 50, 3, 90, 20, 70 })
            Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(fixture.Layer.Spans[span].FirstPiece, 1, stream, default));
        Assert.Equal([Span, Span, Span, Span, Span], fixture.Source.Requests.Select(request => request.Length));
    }

    [Fact]
    public async Task Two_files_that_are_read_at_once_are_two_sequences()
    {
        await using var fixture = new CacheFixture(Layer(100), Options);
        var stream = new FetchStream();
        foreach (var span in new[] { 10, 60, 11, 61, 12, 62 })
            Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(fixture.Layer.Spans[span].FirstPiece, 1, stream, default));
        Assert.Equal([1, 1, 1, 1, 2, 2], fixture.Source.Requests.Select(request => request.Length / Span));
    }

    [Fact]
    public async Task Who_catches_up_with_what_is_under_way_has_the_next_sent_for()
    {
        await using var fixture = new CacheFixture(Layer(100), Options);
        var stream = new FetchStream();
        var spans = fixture.Layer.Spans;
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[9].FirstPiece, 1, stream, default));
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[10].FirstPiece, 1, stream, default));
        fixture.Source.Gate = spans[11].Start.InOffset;
        var second = fixture.Cache.EnsureAsync(spans[11].FirstPiece, 1, stream, default).AsTask();
        var third = fixture.Cache.EnsureAsync(spans[12].FirstPiece, 1, stream, default).AsTask();
        await Wait.UntilAsync(() => fixture.Source.Requests.Count >= 4);
        Assert.Equal(
            [(9L, 1L, RequestPriority.Demand), (10, 1, RequestPriority.Demand), (11, 2, RequestPriority.Demand), (13, 4, RequestPriority.Readahead)],
            fixture.Source.Requests.Select(request => (request.Offset / Span, request.Length / Span, request.Priority)).Order());
        fixture.Source.Gate = long.MaxValue;
        Assert.Equal(Errno.None, await second);
        Assert.Equal(Errno.None, await third);
    }

    [Fact]
    public async Task What_lies_far_ahead_in_a_long_stream_gets_a_request_of_its_own_and_no_span_comes_twice()
    {
        await using var fixture = new CacheFixture(Layer(100), Options with { MaxGap = long.MaxValue });
        var spans = fixture.Layer.Spans;
        fixture.Source.Gate = spans[2].Start.InOffset;
        var all = fixture.Cache.EnsureAsync(0, (int)fixture.Layer.PieceCount, null, default).AsTask();
        await Wait.UntilAsync(() => !fixture.Source.Requests.IsEmpty);
        var far = fixture.Cache.EnsureAsync(spans[80].FirstPiece, 1, null, default).AsTask();
        await Wait.UntilAsync(() => fixture.Source.Requests.Count >= 2);
        Assert.Equal((spans[80].Start.InOffset, (long)Span), (fixture.Source.Requests.Last().Offset, fixture.Source.Requests.Last().Length));
        fixture.Source.Gate = long.MaxValue;
        Assert.Equal(Errno.None, await far);
        Assert.Equal(Errno.None, await all);
        fixture.Reader.AssertComplete();
        var counts = fixture.Cache.Store.Counters.Read();
        Assert.Equal(fixture.Layer.PieceCount, counts.PiecesFilled);
    }

    [Fact]
    public async Task When_more_than_half_was_asked_for_the_rest_comes_in_one_stream()
    {
        await using var fixture = new CacheFixture(Layer(40), CacheFixture.Plain with { RestAfter = 0.5 });
        var spans = fixture.Layer.Spans;
        for (var span = 0; span <= 20; span++) Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[span].FirstPiece, 1, null, default));
        await Wait.UntilAsync(() => fixture.Reader.PresentCount() >= fixture.Layer.PieceCount);
        Assert.Equal(22, fixture.Source.Requests.Count);
        var rest = Assert.Single(fixture.Source.Requests, request => request.Priority == RequestPriority.Readahead);
        Assert.Equal((spans[21].Start.InOffset, fixture.Layer.BlobSize), (rest.Offset, rest.Offset + rest.Length));
        fixture.Reader.AssertComplete();
    }

    [Fact]
    public async Task What_is_read_ahead_and_not_used_brings_no_rest()
    {
        await using var fixture = new CacheFixture(Layer(40), Options with { FirstWindow = 30 * Span, MaxWindow = 30 * Span, RestAfter = 0.5 });
        var spans = fixture.Layer.Spans;
        var stream = new FetchStream();
        foreach (var span in new[] { 2, 3, 4 }) Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[span].FirstPiece, 1, stream, default));
        await Wait.UntilAsync(() => fixture.Reader.IsPresent(spans[33].FirstPiece));
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[0].FirstPiece, 1, stream, default));
        Assert.DoesNotContain(fixture.Source.Requests, request => request.Priority == RequestPriority.Readahead);
        // Past all of it: that was read, and is more than half.
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[34].FirstPiece, 1, stream, default));
        await Wait.UntilAsync(() => fixture.Reader.PresentCount() >= fixture.Layer.PieceCount);
        Assert.Contains(fixture.Source.Requests, request => request.Priority == RequestPriority.Readahead);
    }

    [Fact]
    public async Task What_the_layers_maker_put_first_is_fetched_before_anyone_reads()
    {
        var layer = Layer(40);
        layer.PrefetchPieces = layer.Spans[5].FirstPiece;
        await using var fixture = new CacheFixture(layer, CacheFixture.Plain);
        fixture.Cache.BeginPrefetch();
        fixture.Cache.BeginPrefetch();
        await Wait.UntilAsync(() => fixture.Reader.PresentCount() >= layer.PrefetchPieces);
        Assert.Equal((0, layer.Spans[5].Start.InOffset, RequestPriority.Readahead), Assert.Single(fixture.Source.Requests));
        // Readers go on where it ends.
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(layer.Spans[5].FirstPiece, 1, null, default));
        Assert.Equal(2, fixture.Source.Requests.Count);
    }

    [Fact]
    public async Task Readahead_that_breaks_is_counted_and_nobodys_error()
    {
        await using var fixture = new CacheFixture(Layer(100), Options);
        var stream = new FetchStream();
        var spans = fixture.Layer.Spans;
        fixture.Source.BeforeRead = offset =>
        {
            if (offset >= spans[12].Start.InOffset) throw new SourceException(SourceFailure.Transient, "gone");
        };
        foreach (var span in new[] { 9, 10, 11 })
            Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[span].FirstPiece, 1, stream, default));
        await Wait.UntilAsync(() => fixture.Cache.Store.Counters.Read().ReadaheadFailures != 0);
        Assert.Equal(0, fixture.Cache.Store.Counters.Read().FetchFailures);
        fixture.Source.BeforeRead = null;
        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(spans[12].FirstPiece, 1, stream, default));
    }

    [Fact]
    public async Task Demand_goes_before_readahead_that_has_not_begun()
    {
        await using var fixture = new CacheFixture(Layer(100), Options with { MaxFetches = 1, MaxReadaheads = 1 });
        var stream = new FetchStream();
        var spans = fixture.Layer.Spans;
        await fixture.Cache.EnsureAsync(spans[9].FirstPiece, 1, stream, default);
        await fixture.Cache.EnsureAsync(spans[10].FirstPiece, 1, stream, default);
        fixture.Source.Gate = spans[11].Start.InOffset;
        var second = fixture.Cache.EnsureAsync(spans[11].FirstPiece, 1, stream, default).AsTask();
        // Plans what follows, which has to wait its turn.
        var third = fixture.Cache.EnsureAsync(spans[12].FirstPiece, 1, stream, default).AsTask();
        var demand = fixture.Cache.EnsureAsync(spans[50].FirstPiece, 1, null, default).AsTask();
        fixture.Source.Gate = long.MaxValue;
        Assert.Equal([Errno.None, Errno.None, Errno.None], await Task.WhenAll(second, third, demand));
        await Wait.UntilAsync(() => fixture.Source.Requests.Count >= 5);
        Assert.Equal([9L, 10, 11, 50, 13], fixture.Source.Requests.Select(request => request.Offset / Span));
    }

    static bool IsThere(CacheFixture fixture, long inEnd) =>
        fixture.Layer.Spans.Last(span => span.InEnd <= inEnd) is var last && fixture.Reader.IsPresent(last.FirstPiece + last.PieceCount - 1);
}
