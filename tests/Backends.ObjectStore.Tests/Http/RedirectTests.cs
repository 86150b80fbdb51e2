using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Http;

public sealed class RedirectTests : IAsyncLifetime, IAsyncDisposable
{
    readonly HttpSource _http = new();
    readonly FaultServer _cdn;
    readonly HttpLink _link = new(HttpTrust.System);

    public RedirectTests() => _cdn = FaultServer.Serve(request => ProxyAnswer.OfContent(request, _http.Data));

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        _link.Dispose();
        await _cdn.DisposeAsync();
        await _http.DisposeAsync();
    }

    Uri Signed => new(_cdn.Url, "signed?secret=1");

    HttpRangeSource Source() => _http.Open(default, new Authorized(_link));

    [Fact]
    public async Task A_redirect_is_followed_without_credentials_and_kept()
    {
        _http.Server.Inject(Fault.Redirect(Signed), int.MaxValue);
        var source = Source();
        Assert.Equal(_http.Expected(10, 100), await HttpSource.ReadAsync(source, 10, 100));
        Assert.Equal(_http.Expected(20, 100), await HttpSource.ReadAsync(source, 20, 100));
        Assert.Equal("secret", Assert.Single(_http.Server.Requests)["Authorization"]);
        Assert.Equal(2, _cdn.Requests.Count);
        Assert.All(_cdn.Requests, request => Assert.Null(request["Authorization"]));
        Assert.Equal("bytes=20-119", _cdn.Requests[1]["Range"]);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(400)]
    public async Task An_address_that_expired_is_found_anew(int status)
    {
        _http.Server.Inject(Fault.Redirect(Signed), int.MaxValue);
        var source = Source();
        await HttpSource.ReadAsync(source, 10, 100);
        _cdn.Inject(Fault.Answer(status));
        Assert.Equal(_http.Expected(20, 100), await HttpSource.ReadAsync(source, 20, 100));
        Assert.Equal(2, _http.Server.Requests.Count);
    }

    [Fact]
    public async Task An_address_whose_host_is_gone_is_found_anew()
    {
        _http.Server.Inject(Fault.Redirect(Signed));
        var source = Source();
        await HttpSource.ReadAsync(source, 10, 100);
        await _cdn.DisposeAsync();
        Assert.Equal(SourceFailure.Transient, (await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(source, 20, 100))).Failure);
        Assert.Equal(_http.Expected(20, 100), await HttpSource.ReadAsync(source, 20, 100));
    }

    [Fact]
    public async Task An_address_whose_host_fails_is_found_anew()
    {
        _http.Server.Inject(Fault.Redirect(Signed));
        var source = Source();
        await HttpSource.ReadAsync(source, 10, 100);
        _cdn.Inject(Fault.Answer(500), int.MaxValue);
        await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(source, 20, 100));
        Assert.Equal(_http.Expected(20, 100), await HttpSource.ReadAsync(source, 20, 100));
    }

    [Theory]
    [InlineData("https://a/x", "http://a/x")]
    [InlineData("https://a/x", "file:///etc/passwd")]
    [InlineData("http://a/x", "ftp://a/x")]
    public void Out_of_TLS_or_HTTP_no_redirect_leads(string from, string to) =>
        Assert.Throws<SourceException>(() => HttpRedirects.Target("x", new Uri(from), new Uri(to)));

    [Fact]
    public async Task What_a_fresh_address_refuses_is_refused()
    {
        _http.Server.Inject(Fault.Redirect(Signed), int.MaxValue);
        _cdn.Inject(Fault.Answer(403), int.MaxValue);
        Assert.Equal(SourceFailure.Refused, (await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(Source(), 10, 100))).Failure);
        Assert.Single(_cdn.Requests);
    }

    [Fact]
    public async Task A_redirect_within_the_host_keeps_the_credentials()
    {
        _http.Server.Inject(Fault.Answer(302, ("Location", "/elsewhere")));
        Assert.Equal(_http.Expected(10, 100), await HttpSource.ReadAsync(Source(), 10, 100));
        Assert.Equal(("/elsewhere", "secret"), (_http.Server.Requests[1].Path, _http.Server.Requests[1]["Authorization"]));
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://127.0.0.1/x")]
    public async Task A_redirect_out_of_http_is_refused(string to)
    {
        _http.Server.Inject(Fault.Answer(307, ("Location", to)));
        Assert.Equal(SourceFailure.Permanent, (await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(Source(), 10, 100))).Failure);
    }

    [Fact]
    public async Task A_redirect_to_nowhere_or_in_circles_is_refused()
    {
        _http.Server.Inject(Fault.Answer(307));
        await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(Source(), 10, 100));
        _http.Server.Inject(Fault.Redirect(new Uri(_http.Server.Url, "blob")), int.MaxValue);
        var error = await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(Source(), 10, 100));
        Assert.Contains("more than 5 redirects", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_signature_is_shown_in_an_error()
    {
        _http.Server.Inject(Fault.Redirect(Signed), int.MaxValue);
        _cdn.Inject(new Fault { ResetAfter = -1 });
        var error = await Assert.ThrowsAsync<SourceException>(() => HttpSource.ReadAsync(Source(), 10, 100));
        Assert.Contains("/signed", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    sealed class Authorized(IHttpSender link) : IHttpSender
    {
        public ValueTask<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation) =>
            link.SendAsync(
                () =>
                {
                    var message = request();
                    message.Headers.TryAddWithoutValidation("Authorization", "secret");
                    return message;
                },
                cancellation);
    }
}
