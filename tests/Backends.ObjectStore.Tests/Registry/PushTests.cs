using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Backends.ObjectStore.Tests.Decompression;
using VirtioFsStore.Backends.ObjectStore.Tests.Resilience;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class PushTests : IAsyncLifetime, IAsyncDisposable
{
    readonly FakeRegistry _registry = new();
    readonly byte[] _blob = new byte[33 << 20];
    readonly RegistryClient _client;

    public PushTests()
    {
        new Random(3).NextBytes(_blob);
        _client = _registry.Client();
    }

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _registry.DisposeAsync();
    }

    async Task PushAsync(byte[] blob, Action<long>? progress = null)
    {
        await using var source = new MemorySource(blob);
        await _client.PushBlobAsync(Digest.Sha256(blob), source, progress, default);
        Assert.True(await _client.HasBlobAsync(Digest.Sha256(blob), blob.Length, default));
        Assert.Equal(blob, _registry.Blobs[Digest.Sha256(blob).ToString()]);
    }

    static bool IsPatch(ProxyRequest request) => request.Method == "PATCH";

    IEnumerable<string?> Chunks => _registry.Server.Requests.Where(IsPatch).Select(request => request["Content-Range"]);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public async Task A_small_blob_goes_up_in_one_chunk_or_none(int size)
    {
        await PushAsync(_blob[..size]);
        Assert.Equal(size == 0 ? 0 : 1, Chunks.Count());
    }

    [Fact]
    public async Task A_large_blob_goes_up_in_chunks_and_tells_how_far_it_is()
    {
        var told = new List<long>();
        await PushAsync(_blob, told.Add);
        Assert.Equal(["0-33554431", "33554432-34603007"], Chunks);
        Assert.Equal(_blob.Length, told[^1]);
        // Nothing was there; what is told first counts as that.
        Assert.Equal(0, told[0]);
        Assert.Equal(told.Order(), told);
    }

    [Fact]
    public async Task A_chunk_that_broke_goes_on_where_the_registry_says()
    {
        _registry.Server.Inject(new Fault { TakeOnly = 1_000_000 }, 1, IsPatch);
        await PushAsync(_blob);
        Assert.Equal("1000000-34554431", Chunks.ElementAt(1));
        Assert.Equal(1, _client.Counters.Snapshot().Retries);
    }

    [Fact]
    public async Task A_chunk_whose_answer_was_lost_is_not_sent_again()
    {
        _registry.Server.Inject(new Fault { ResetAfter = -1 }, 1, IsPatch);
        await PushAsync(_blob[..1000]);
        Assert.Single(Chunks);
    }

    [Fact]
    public async Task A_registry_that_forgot_the_upload_gets_it_anew()
    {
        _registry.Server.Inject(Fault.Answer(404), 1, IsPatch);
        await PushAsync(_blob[..1000]);
        Assert.Equal(2, _registry.Server.Requests.Count(request => request.Method == "POST"));
    }

    [Fact]
    public async Task An_end_whose_answer_was_lost_is_an_end()
    {
        _registry.Server.Inject(new Fault { ResetAfter = -1 }, 1, request => request.Method == "PUT");
        await PushAsync(_blob[..1000]);
        Assert.Equal(2, _registry.Server.Requests.Count(request => request.Method == "PUT"));
    }

    [Fact]
    public async Task An_end_whose_answer_was_lost_is_an_end_also_where_blobs_lie_elsewhere()
    {
        await using var store = FaultServer.Serve(request => ProxyAnswer.OfContent(request, _blob[..1000]));
        _registry.Server.Inject(new Fault { ResetAfter = -1 }, 1, request => request.Method == "PUT");
        _registry.Server.Inject(Fault.Redirect(store.Url), int.MaxValue, request => request.Method == "HEAD");
        await PushAsync(_blob[..1000]);
        Assert.Single(_registry.Server.Requests, request => request.Method == "POST");
    }

    [Fact]
    public async Task A_registry_may_take_minutes_to_end_an_upload()
    {
        var clock = new ManualClock();
        using var client = _registry.Client(clock);
        var verified = new TaskCompletionSource();
        _registry.Server.Inject(new Fault { HoldUntil = verified.Task }, 1, request => request.Method == "PUT");
        await using var source = new MemorySource(_blob[..1000]);
        var pushing = client.PushBlobAsync(Digest.Sha256(_blob.AsSpan(0, 1000)), source, null, default).AsTask();
        await _registry.Server.WaitForRequestsAsync(3);
        clock.Advance(TimeSpan.FromMinutes(9));
        verified.SetResult();
        await pushing;
        Assert.Equal(["POST", "PATCH", "PUT"], _registry.Server.Requests.Select(request => request.Method));
    }

    [Theory]
    [InlineData("PATCH")]
    [InlineData("PUT")]
    public async Task A_host_that_asks_for_more_patience_than_there_is_fails_the_push_now(string method)
    {
        using var client = _registry.Client(new ManualClock());
        _registry.Server.Inject(Fault.Answer(503, ("Retry-After", "600")), 1, request => request.Method == method);
        await using var source = new MemorySource(_blob[..1000]);
        var pushing = client.PushBlobAsync(Digest.Sha256(_blob.AsSpan(0, 1000)), source, null, default).AsTask();
        var error = await Assert.ThrowsAsync<SourceException>(() => pushing.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(TimeSpan.FromMinutes(10), error.RetryAfter);
    }

    [Fact]
    public async Task What_an_earlier_call_left_is_read_again_however_long_that_takes()
    {
        var clock = new ManualClock();
        using var client = _registry.Client(clock);
        await using var source = new MemorySource(_blob);
        _registry.Server.Inject(Fault.Answer(403), 1, request => IsPatch(request) && request["Content-Range"]!.StartsWith("33554432", StringComparison.Ordinal));
        await Assert.ThrowsAsync<SourceException>(async () => await client.PushBlobAsync(Digest.Sha256(_blob), source, null, default));
        await using var slow = new OpenedSource(source, offset => clock.Advance(offset == 0 ? TimeSpan.FromHours(1) : TimeSpan.Zero));
        await client.PushBlobAsync(Digest.Sha256(_blob), slow, null, default);
        Assert.Equal(["0-33554431", "33554432-34603007", "33554432-34603007"], Chunks);
    }

    [Fact]
    public async Task A_later_call_goes_on_with_what_an_earlier_one_left()
    {
        _registry.Server.Inject(Fault.Answer(403), 1, request => IsPatch(request) && request["Content-Range"]!.StartsWith("33554432", StringComparison.Ordinal));
        Assert.Equal(SourceFailure.Refused, (await Assert.ThrowsAsync<SourceException>(() => PushAsync(_blob))).Failure);
        await PushAsync(_blob);
        Assert.Equal(["0-33554431", "33554432-34603007", "33554432-34603007"], Chunks);
        Assert.Single(_registry.Server.Requests, request => request.Method == "POST");
    }

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    [InlineData(404)]
    public async Task What_an_earlier_call_left_is_given_up_where_the_registry_does_not_know_it(int status)
    {
        _registry.Server.Inject(Fault.Answer(403), 1, IsPatch);
        await Assert.ThrowsAsync<SourceException>(() => PushAsync(_blob[..1000]));
        _registry.Server.Inject(Fault.Answer(status), 1, request => request.Method == "GET");
        await PushAsync(_blob[..1000]);
        Assert.Equal(2, _registry.Server.Requests.Count(request => request.Method == "POST"));
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("file:///etc/passwd")]
    public async Task An_upload_is_not_followed_out_of_http(string to)
    {
        _registry.Server.Inject(Fault.Header("Location", to), 1, request => request.Method == "POST");
        Assert.Contains("which is no HTTP", (await Assert.ThrowsAsync<SourceException>(() => PushAsync(_blob[..1000]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removal_whose_answer_was_lost_is_one()
    {
        _registry.Server.Inject(new Fault { ResetAfter = -1 }, 1, request => request.Method == "DELETE");
        Assert.True(await _client.DeleteManifestAsync("gone", default));
        Assert.Equal(SourceFailure.Missing, (await Assert.ThrowsAsync<SourceException>(async () => await _client.DeleteManifestAsync("gone", default))).Failure);
    }

    [Fact]
    public async Task What_is_no_media_type_is_not_put() =>
        Assert.Contains("no media type", (await Assert.ThrowsAsync<SourceException>(async () => await _client.PutManifestAsync("tag", "a\nb", "{}"u8.ToArray(), default))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_blob_of_another_digest_does_not_get_there()
    {
        await using var source = new MemorySource(_blob[..1000]);
        var digest = Digest.Sha256("other"u8);
        Assert.Contains("nothing was stored", (await Assert.ThrowsAsync<SourceException>(async () => await _client.PushBlobAsync(digest, source, null, default))).Message, StringComparison.Ordinal);
        Assert.False(await _client.HasBlobAsync(digest, 1000, default));
        Assert.Equal("DELETE", _registry.Server.Requests[^2].Method);
    }

    [Fact]
    public async Task A_source_that_ends_early_is_named()
    {
        await using var source = new MemorySource(_blob[..1000], claimedSize: 2000);
        Assert.Contains("memory ended at byte 1000", (await Assert.ThrowsAsync<SourceException>(async () => await _client.PushBlobAsync(Digest.Sha256(_blob.AsSpan(0, 1000)), source, null, default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_that_says_it_has_more_than_was_sent_is_not_believed()
    {
        _registry.Server.Inject(Fault.Header("Range", "0-99999"), int.MaxValue, request => request.Method is "PATCH" or "GET");
        Assert.Contains("says that it has 100000 bytes", (await Assert.ThrowsAsync<SourceException>(() => PushAsync(_blob[..1000]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blob_of_another_size_is_not_there()
    {
        var digest = _registry.Put(_blob[..1000]);
        Assert.True(await _client.HasBlobAsync(digest, 1000, default));
        Assert.False(await _client.HasBlobAsync(digest, 1001, default));
    }

    [Fact]
    public async Task A_manifest_is_put_with_its_type()
    {
        await _client.PutManifestAsync("tag", FakeRegistry.ManifestType, "{}"u8.ToArray(), default);
        Assert.Equal((FakeRegistry.ManifestType, "PUT"), (_registry.Server.Requests[^1]["Content-Type"], _registry.Server.Requests[^1].Method));
        Assert.Equal("{}"u8, _registry.Manifests["tag"]);
    }

    /// <summary>Tells at which offset it is opened.</summary>
    sealed class OpenedSource(IRangeSource inner, Action<long> opened) : IRangeSource
    {
        public string Name => inner.Name;

        public long Size => inner.Size;

        public SourceIdentity Identity => inner.Identity;

        public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
        {
            opened(offset);
            return inner.OpenAsync(offset, length, cancellation);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
