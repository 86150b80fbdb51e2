using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.ObjectStore.Tests.Resilience;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Http;

public sealed class HttpRangeSourceTests : IAsyncLifetime, IAsyncDisposable
{
    readonly HttpSource _http = new("\"one\"");

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public ValueTask DisposeAsync() => _http.DisposeAsync();

    async Task<SourceException> FailAsync(Fault fault, long offset = 10, int length = 1000)
    {
        _http.Server.Inject(fault);
        return await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(_http.Once, offset, length));
    }

    [Fact]
    public async Task A_range_is_one_request_for_those_bytes_as_they_are()
    {
        Assert.Equal(_http.Expected(10, 1000), await HttpSource.ReadAsync(_http.Once, 10, 1000));
        var request = Assert.Single(_http.Server.Requests);
        Assert.Equal(("bytes=10-1009", "\"one\"", "identity"), (request["Range"], request["If-Range"], request["Accept-Encoding"]));
        Assert.Null(request["Authorization"]);
        Assert.Equal(1000, _http.Server.BytesSent);
    }

    [Fact]
    public async Task The_whole_is_asked_for_without_a_range()
    {
        Assert.Equal(_http.Data, await HttpSource.ReadAsync(_http.Once, 0, _http.Data.Length));
        Assert.Null(Assert.Single(_http.Server.Requests)["Range"]);
        Assert.Equal(0, _http.Endpoint.Counters.Snapshot().RangesIgnored);
    }

    [Fact]
    public async Task A_range_that_is_ignored_is_read_out_of_the_whole_and_that_is_counted()
    {
        _http.Server.Inject(new Fault { IgnoreRange = true });
        Assert.Equal(_http.Expected(70_000, 1000), await HttpSource.ReadAsync(_http.Resilient, 70_000, 1000));
        var counts = _http.Endpoint.Counters.Snapshot();
        Assert.Equal((1, 1, 71_000), (counts.Requests, counts.RangesIgnored, counts.BytesReceived));
        Assert.True(_http.Endpoint.IgnoresRanges);
    }

    [Fact]
    public async Task Connections_are_used_again()
    {
        for (var i = 0; i < 5; i++) await HttpSource.ReadAsync(_http.Once, i, 1000);
        Assert.Equal(1, _http.Server.Connections);
    }

    [Theory]
    [InlineData("bytes 11-1010/100000")]
    [InlineData("bytes 0-999/100000")]
    [InlineData("bytes 10-1010/100000")]
    [InlineData("bytes 10-5/100000")]
    [InlineData("bytes */100000")]
    [InlineData("octets 10-1009/100000")]
    [InlineData("nonsense")]
    [InlineData("bytes 10-99999999999999999999/100000")]
    [InlineData(null)]
    public async Task Bytes_of_another_range_are_not_taken_for_those_that_were_asked_for(string? contentRange) =>
        Assert.Equal(SourceFailure.Permanent, (await FailAsync(Fault.Header("Content-Range", contentRange))).Failure);

    [Theory]
    [InlineData("bytes 10-1009/99999")]
    [InlineData("bytes 10-1009/100001")]
    public async Task Another_size_is_another_blob(string contentRange) =>
        Assert.Equal(SourceFailure.Changed, (await FailAsync(Fault.Header("Content-Range", contentRange))).Failure);

    [Fact]
    public async Task Another_ETag_is_another_blob()
    {
        _http.ETag = "\"two\"";
        var error = await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(_http.Once, 10, 1000));
        Assert.Equal(SourceFailure.Changed, error.Failure);
        Assert.Contains("\"two\"", error.Message, StringComparison.Ordinal);
        Assert.Equal(SourceFailure.Changed, (await FailAsync(Fault.Header("ETag", "W/\"one\""))).Failure);
    }

    [Fact]
    public async Task A_whole_of_another_size_is_another_blob()
    {
        _http.Data = new byte[99_999];
        Assert.Equal(SourceFailure.Changed, (await FailAsync(new Fault { IgnoreRange = true })).Failure);
    }

    [Fact]
    public async Task A_total_that_is_not_known_is_no_other_total()
    {
        _http.Server.Inject(Fault.Header("Content-Range", "bytes 10-1009/*"));
        Assert.Equal(_http.Expected(10, 1000), await HttpSource.ReadAsync(_http.Once, 10, 1000));
    }

    [Fact]
    public async Task A_refused_range_tells_whether_the_blob_is_another()
    {
        Assert.Equal(SourceFailure.Permanent, (await FailAsync(Fault.Answer(416))).Failure);
        Assert.Equal(SourceFailure.Permanent, (await FailAsync(Fault.Answer(416, ("Content-Range", "bytes */100000")))).Failure);
        Assert.Equal(SourceFailure.Changed, (await FailAsync(Fault.Answer(416, ("Content-Range", "bytes */5")))).Failure);
    }

    [Theory]
    [InlineData("3")]
    [InlineData("4000")]
    public async Task A_refusal_of_a_wrong_length_leaves_nothing_for_the_next_answer(string contentLength)
    {
        await FailAsync(Fault.Answer(416, ("Content-Length", contentLength)) with { Body = "{\"errors\":[]}HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), CutAfter = null });
        Assert.Equal(_http.Expected(10, 1000), await HttpSource.ReadAsync(_http.Once, 10, 1000));
        Assert.Equal(2, _http.Server.Connections);
    }

    [Fact]
    public async Task Several_parts_are_no_answer_to_one_range() =>
        Assert.Contains("multipart", (await FailAsync(Fault.Header("Content-Type", "multipart/byteranges; boundary=x"))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task What_a_proxy_compressed_is_refused() =>
        Assert.Contains("Content-Encoding gzip", (await FailAsync(Fault.Header("Content-Encoding", "gzip"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(400, SourceFailure.Permanent)]
    [InlineData(401, SourceFailure.Refused)]
    [InlineData(403, SourceFailure.Refused)]
    [InlineData(404, SourceFailure.Missing)]
    [InlineData(408, SourceFailure.Transient)]
    [InlineData(410, SourceFailure.Missing)]
    [InlineData(412, SourceFailure.Changed)]
    [InlineData(418, SourceFailure.Permanent)]
    [InlineData(429, SourceFailure.Busy)]
    [InlineData(500, SourceFailure.Transient)]
    [InlineData(501, SourceFailure.Permanent)]
    [InlineData(502, SourceFailure.Transient)]
    [InlineData(503, SourceFailure.Transient)]
    [InlineData(504, SourceFailure.Transient)]
    public async Task A_status_is_a_kind_of_failure(int status, SourceFailure expected)
    {
        var error = await FailAsync(Fault.Answer(status));
        Assert.Equal(expected, error.Failure);
        Assert.Contains($"GET blob: {status}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retry_after_is_understood_in_seconds_and_as_a_date()
    {
        var error = await FailAsync(Fault.Answer(503, ("Retry-After", "17")));
        Assert.Equal((SourceFailure.Busy, TimeSpan.FromSeconds(17)), (error.Failure, error.RetryAfter));
        error = await FailAsync(Fault.Answer(429, ("Retry-After", "Sun, 29 Nov 2026 10:00:42 GMT"), ("Date", "Sun, 29 Nov 2026 10:00:00 GMT")));
        Assert.Equal((SourceFailure.Busy, TimeSpan.FromSeconds(42)), (error.Failure, error.RetryAfter));
        error = await FailAsync(Fault.Answer(429, ("Retry-After", "Sun, 29 Nov 2020 10:00:00 GMT")));
        Assert.Equal(TimeSpan.Zero, error.RetryAfter);
        Assert.Null((await FailAsync(Fault.Answer(429, ("Retry-After", "soon")))).RetryAfter);
    }

    [Fact]
    public async Task What_a_server_says_of_its_error_is_told_on_one_line()
    {
        var fault = Fault.Answer(403, ("Content-Type", "application/json; charset=utf-8")) with { Body = """{"errors":[{"code":"DENIED","message":"not\nyours"}]}"""u8.ToArray() };
        Assert.Contains("(not yours)", (await FailAsync(fault)).Message, StringComparison.Ordinal);
        Assert.Equal(SourceFailure.Refused, (await FailAsync(fault with { Body = "[]"u8.ToArray() })).Failure);
        Assert.Equal(SourceFailure.Refused, (await FailAsync(fault with { Body = """{"errors":[]}"""u8.ToArray() })).Failure);
        Assert.Equal(SourceFailure.Refused, (await FailAsync(fault with { Body = new byte[1 << 20] })).Failure);
    }

    [Fact]
    public async Task Short_reset_and_refused_answers_may_pass()
    {
        Assert.Equal(SourceFailure.Transient, (await FailAsync(new Fault { CutAfter = 500 })).Failure);
        Assert.Equal(SourceFailure.Transient, (await FailAsync(new Fault { ResetAfter = 500 })).Failure);
        Assert.Equal(SourceFailure.Transient, (await FailAsync(new Fault { ResetAfter = -1 })).Failure);
        Assert.Equal(SourceFailure.Transient, (await FailAsync(Fault.Header("Content-Length", "999"))).Failure);
        await _http.Server.DisposeAsync();
        Assert.Equal(SourceFailure.Transient, (await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(_http.Once, 0, 5))).Failure);
    }

    [Fact]
    public async Task A_body_without_an_end_gives_what_was_asked_for()
    {
        _http.Server.Inject(new Fault { NeverEnd = true });
        Assert.Equal(_http.Expected(10, 1000), await HttpSource.ReadAsync(_http.Once, 10, 1000));
        _http.Server.Inject(Fault.Answer(500, ("Content-Type", "application/json")) with { NeverEnd = true });
        Assert.Equal(SourceFailure.Transient, (await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(_http.Once, 10, 1000))).Failure);
    }

    [Fact]
    public async Task A_head_without_bounds_is_refused() =>
        Assert.Contains("64 KiB", (await FailAsync(Fault.Header("X-Much", new string('x', 100_000)))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_stalled_body_is_asked_for_again_from_where_it_stalled()
    {
        var (clock, timeout) = (new ManualClock(), TimeSpan.FromSeconds(30));
        _http.Server.Inject(new Fault { StallAfter = 300 });
        var source = new ResilientSource(_http.Once, new RemoteEndpoint("host", new RetryDelays(clock, () => 0)), timeout);
        await using var stream = await source.OpenAsync(10, 1000, default);
        var bytes = new byte[1000];
        await stream.ReadExactlyAsync(bytes.AsMemory(0, 300));
        var rest = stream.ReadExactlyAsync(bytes.AsMemory(300));
        await clock.WaitForTimerAsync(timeout / 3);
        clock.Advance(timeout / 3);
        await rest;
        Assert.Equal(_http.Expected(10, 1000), bytes);
        Assert.Equal("bytes=310-1009", _http.Server.Requests[^1]["Range"]);
    }

    [Fact]
    public async Task Faults_of_every_passing_kind_in_a_row_cost_tries_and_no_byte()
    {
        foreach (var fault in new[]
                 {
                     Fault.Answer(500), new Fault { CutAfter = 100 }, new Fault { ResetAfter = 20_000 }, Fault.Answer(502), new Fault { IgnoreRange = true, CutAfter = 30 },
                     new Fault { ResetAfter = -1 }, new Fault { NeverEnd = true },
                 })
            _http.Server.Inject(fault);
        Assert.Equal(_http.Expected(10, 90_000), await HttpSource.ReadAsync(_http.Resilient, 10, 90_000));
        Assert.Equal(6, _http.Endpoint.Counters.Snapshot().Retries);
    }

    [Theory]
    [InlineData("Client sent an HTTP request to an HTTPS server.\n", true)]
    [InlineData("<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>", true)]
    [InlineData("bad request", false)]
    public async Task A_server_that_speaks_https_is_told_from_one_that_refuses(string body, bool hint)
    {
        _http.Server.Inject(new Fault { Status = 400, Body = Encoding.ASCII.GetBytes(body) });
        var error = await Assert.ThrowsAsync<SourceException>(async () => await _http.Once.OpenAsync(0, 10, default));
        Assert.Contains("400 BadRequest", error.Message, StringComparison.Ordinal);
        Assert.Equal(hint, error.Message.Contains("it was asked by http and speaks https", StringComparison.Ordinal));
    }
}
