using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Resilience;

public sealed class ResilientSourceTests : IAsyncLifetime, IAsyncDisposable
{
    static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    readonly ManualClock _clock = new();
    readonly ScriptedSource _source = new([.. Enumerable.Range(0, 100).Select(i => (byte)i)]);

    /// <summary>No jitter: with 0 a try follows at once, with a half the ceilings of the delays are halved.</summary>
    double _random;

    RemoteEndpoint Endpoint => field ??= new RemoteEndpoint("host", new RetryDelays(_clock, () => _random));

    ResilientSource Source => new(_source, Endpoint, s_timeout);

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public ValueTask DisposeAsync() => Source.DisposeAsync();

    async Task<byte[]> ReadAsync(long offset, int length)
    {
        var bytes = new byte[length];
        await Source.ReadAsync(offset, bytes, default);
        return bytes;
    }

    static byte[] Expected(int offset, int length) => [.. Enumerable.Range(offset, length).Select(i => (byte)i)];

    [Fact]
    public async Task A_range_that_breaks_goes_on_where_it_broke()
    {
        _source.Break(10).Break(7);
        Assert.Equal(Expected(20, 50), await ReadAsync(20, 50));
        Assert.Equal([(20, 50), (30, 40), (37, 33)], _source.Asked);
        var counts = Endpoint.Counters.Snapshot();
        Assert.Equal((3, 50, 2, 2), (counts.Requests, counts.BytesReceived, counts.Retries, counts.Transient));
        Assert.Equal(0, _source.Open);
    }

    [Theory]
    [InlineData(SourceFailure.Transient)]
    [InlineData(SourceFailure.Busy)]
    public async Task What_may_pass_is_tried_again(SourceFailure failure)
    {
        _source.Fail(failure).Fail(failure);
        Assert.Equal(Expected(0, 100), await ReadAsync(0, 100));
        Assert.Equal(3, _source.Asked.Count);
    }

    [Theory]
    [InlineData(SourceFailure.Permanent)]
    [InlineData(SourceFailure.Refused)]
    [InlineData(SourceFailure.Missing)]
    [InlineData(SourceFailure.Changed)]
    public async Task What_does_not_pass_fails_at_once_and_the_next_read_asks_anew(SourceFailure failure)
    {
        _source.Fail(failure);
        var error = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(0, 100));
        Assert.Equal(failure, error.Failure);
        Assert.Equal(1, Endpoint.Counters.Snapshot().Failures);
        Assert.Equal(Expected(0, 100), await ReadAsync(0, 100));
    }

    [Fact]
    public async Task Tries_are_spaced_exponentially_with_full_jitter()
    {
        _random = 0.5;
        _source.Fail(SourceFailure.Transient).Fail(SourceFailure.Transient).Fail(SourceFailure.Transient);
        var reading = ReadAsync(0, 1);
        foreach (var milliseconds in new[] { 50, 100, 200 })
        {
            var delay = TimeSpan.FromMilliseconds(milliseconds);
            await _clock.WaitForTimerAsync(delay);
            _clock.Advance(delay);
        }

        await reading;
        Assert.Equal(4, _source.Asked.Count);
    }

    [Fact]
    public async Task A_host_is_left_alone_for_as_long_as_it_asks()
    {
        var asked = TimeSpan.FromSeconds(7);
        _source.Fail(SourceFailure.Busy, asked);
        var reading = ReadAsync(0, 1);
        await _clock.WaitForTimerAsync(asked);
        // Others do not ask either.
        var other = ReadAsync(1, 1);
        Assert.Single(_source.Asked);
        _clock.Advance(asked);
        await reading;
        await other;
        Assert.Equal(3, _source.Asked.Count);
    }

    [Fact]
    public async Task A_host_that_asks_for_more_patience_than_a_read_has_fails_the_read_now()
    {
        _source.Fail(SourceFailure.Busy, TimeSpan.FromMinutes(5));
        var error = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(0, 1));
        Assert.Equal(SourceFailure.Busy, error.Failure);
        Assert.Contains("1 try", error.Message, StringComparison.Ordinal);
        error = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(0, 1));
        Assert.Contains("left alone for another 60 s", error.Message, StringComparison.Ordinal);
        Assert.Single(_source.Asked);
        // It is not believed for ever.
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Expected(3, 1), await ReadAsync(3, 1));
    }

    [Fact]
    public async Task A_request_that_hangs_is_given_up_for_another()
    {
        _source.Hang();
        var reading = ReadAsync(0, 5);
        await _clock.WaitForTimerAsync(s_timeout / 3);
        _clock.Advance(s_timeout / 3);
        Assert.Equal(Expected(0, 5), await reading);
        Assert.Equal(2, _source.Asked.Count);
    }

    [Fact]
    public async Task A_read_ends_with_its_time_however_often_it_was_tried()
    {
        _source.Hang().Hang().Hang().Hang();
        var reading = ReadAsync(0, 5);
        for (var i = 0; i < 3; i++)
        {
            await _clock.WaitForTimerAsync(s_timeout / 3);
            _clock.Advance(s_timeout / 3);
        }

        var error = await Assert.ThrowsAsync<SourceException>(() => reading);
        Assert.Equal(SourceFailure.Transient, error.Failure);
        Assert.Contains("host sent nothing for 10 s (3 tries in 30 s)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancellation_ends_the_wait_and_gives_the_place_back()
    {
        for (var i = 0; i < RemoteEndpoint.DefaultLimit + 1; i++)
        {
            _source.Hang();
            using var cancel = new CancellationTokenSource();
            var reading = Source.OpenAsync(0, 1, cancel.Token).AsTask();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        }

        Assert.Equal(Expected(1, 1), await ReadAsync(1, 1));
    }

    [Fact]
    public async Task While_a_host_is_down_one_request_at_a_time_finds_out_and_all_go_on_when_it_is_back()
    {
        _random = 0.5;
        var down = new TaskCompletionSource();
        for (var i = 0; i < 5; i++) _source.Fail(SourceFailure.Transient);
        _source.Hold(down.Task);
        var first = ReadAsync(0, 1);
        foreach (var milliseconds in new[] { 50, 100, 200, 400, 800 })
        {
            await _clock.WaitForTimerAsync(TimeSpan.FromMilliseconds(milliseconds));
            _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
        }

        // The sixth request is under way, and nobody else asks.
        await _clock.WaitForTimerAsync(s_timeout / 3);
        var others = Enumerable.Range(1, 50).Select(i => ReadAsync(i, 1)).ToArray();
        Assert.Equal(6, _source.Asked.Count);
        down.SetResult();
        await first;
        await Task.WhenAll(others);
        Assert.Equal(56, _source.Asked.Count);
    }

    [Fact]
    public async Task What_lies_outside_of_the_source_is_no_request()
    {
        foreach (var (offset, length) in new[] { (-1L, 1L), (0, 0), (0, 101), (100, 1), (long.MaxValue, 1), (1, long.MaxValue) })
            Assert.Equal(SourceFailure.Permanent, (await Assert.ThrowsAsync<SourceException>(async () => await Source.OpenAsync(offset, length, default))).Failure);
        Assert.Empty(_source.Asked);
    }

    [Fact]
    public async Task Counters_of_an_image_and_of_its_host_count_the_same_requests()
    {
        var counters = new SourceCounters(Endpoint.Counters);
        await new ResilientSource(_source, Endpoint, s_timeout, counters).ReadAsync(0, new byte[10], default);
        await ReadAsync(0, 5);
        Assert.Equal((1, 10), (counters.Snapshot().Requests, counters.Snapshot().BytesReceived));
        Assert.Equal((2, 15), (Endpoint.Counters.Snapshot().Requests, Endpoint.Counters.Snapshot().BytesReceived));
    }
}
