using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class AuthorizationTests : IAsyncLifetime, IAsyncDisposable
{
    const string Bearer = "Bearer realm=\"http://HOST/token\",service=\"registry\",scope=\"repository:some/repository:pull\"";

    readonly FakeRegistry _registry = new();
    readonly byte[] _blob = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
    readonly IRangeSource _source;
    readonly RegistryClient _client;
    int _tokens;

    public AuthorizationTests()
    {
        _client = _registry.Client();
        _source = _client.OpenBlob(_registry.Put(_blob), _blob.Length);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _registry.DisposeAsync();
    }

    static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    void LogIn(string user) => _registry.WriteConfig($$"""{"auths":{"HOST":{"auth":"{{Base64(user)}}"} } }""");

    /// <summary>Each token that is given is the only good one from then on.</summary>
    void WantTokens(string name = "token", string life = "", Func<ProxyRequest, bool>? from = null)
    {
        (_registry.Challenge, _registry.Authorization) = (Bearer, "Bearer none yet");
        _registry.Tokens = request =>
        {
            if (from?.Invoke(request) == false) return ProxyAnswer.Of(401);
            _registry.Authorization = $"Bearer t{++_tokens}";
            return ProxyAnswer.Of(200, Encoding.UTF8.GetBytes($$"""{"{{name}}":"t{{_tokens}}"{{life}}}"""));
        };
    }

    async Task ReadAsync()
    {
        var bytes = new byte[10];
        await _source.ReadAsync(5, bytes, default);
        Assert.Equal(_blob[5..15], bytes);
    }

    async Task<SourceException> FailAsync() => await Assert.ThrowsAsync<SourceException>(ReadAsync);

    [Fact]
    public async Task A_password_that_changes_at_the_registry_first_is_waited_for_where_a_guest_reads()
    {
        (_registry.Challenge, _registry.Authorization) = ("Basic realm=some", $"Basic {Base64("me:old")}");
        LogIn("me:old");
        var told = new List<string>();
        var endpoints = new RemoteEndpoints(_registry.Time, () => 0, new()
        {
            WaitsForCredentials = true,
            Warned = line =>
            {
                told.Add(line);
                LogIn("me:new");
            },
        });
        using var client = new RegistryClient(RegistryName.Parse($"{_registry.Server.Host}/{FakeRegistry.Repository}"), _registry.Options, endpoints);
        var source = client.OpenBlob(Digest.Sha256(_blob), _blob.Length);
        var bytes = new byte[10];
        await ReadAsync(0);

        _registry.Authorization = $"Basic {Base64("me:new")}";
        await ReadAsync(5);

        Assert.Equal(_blob[5..15], bytes);
        Assert.Contains("401 Unauthorized", Assert.Single(told), StringComparison.Ordinal);

        async Task ReadAsync(long offset)
        {
            await using var stream = await source.OpenAsync(offset, bytes.Length, RequestPriority.Demand, default);
            await stream.ReadExactlyAsync(bytes);
        }
    }

    [Theory]
    [InlineData("token")]
    [InlineData("access_token")]
    public async Task Anybody_gets_a_token_once_and_shows_it(string name)
    {
        WantTokens(name);
        await ReadAsync();
        await ReadAsync();
        Assert.Equal(1, _tokens);
        Assert.Equal(["/token"], _registry.Server.Requests.Select(request => request.Path).Where(path => path == "/token"));
        var asked = _registry.Server.Requests.Single(request => request.Path == "/token");
        Assert.Equal("service=registry&scope=repository%3Asome%2Frepository%3Apull", asked.Query);
        Assert.Null(asked["Authorization"]);
        Assert.Equal(_registry.Server.Requests.Count, _client.Counters.Snapshot().Requests);
    }

    [Fact]
    public async Task Who_has_a_password_shows_it_to_the_token_server_alone()
    {
        LogIn("me:secret");
        var basic = "Basic " + Base64("me:secret");
        WantTokens(from: request => request["Authorization"] == basic);
        await ReadAsync();
        Assert.Equal(["/token"], _registry.Server.Requests.Where(request => request["Authorization"] == basic).Select(request => request.Path));
    }

    [Fact]
    public async Task An_identity_token_is_exchanged_by_a_form()
    {
        _registry.WriteConfig("""{"auths":{"HOST":{"identitytoken":"my id"} } }""");
        WantTokens("access_token");
        await ReadAsync();
        var asked = _registry.Server.Requests.Single(request => request.Path == "/token");
        Assert.Equal("POST", asked.Method);
        var form = Encoding.UTF8.GetString(asked.Body);
        Assert.Equal("service=registry&scope=repository%3Asome%2Frepository%3Apull&grant_type=refresh_token&client_id=virtiofs-store&refresh_token=my+id", form);
    }

    [Fact]
    public async Task A_token_that_is_refused_in_the_middle_of_a_run_is_renewed()
    {
        WantTokens();
        await ReadAsync();
        _registry.Authorization = "Bearer another";
        await ReadAsync();
        Assert.Equal(2, _tokens);
    }

    [Fact]
    public async Task A_token_that_expires_is_renewed_before_it_is_refused()
    {
        WantTokens(life: ",\"expires_in\":300");
        await ReadAsync();
        _registry.Time.Advance(TimeSpan.FromSeconds(250));
        await ReadAsync();
        Assert.Equal(1, _tokens);
        _registry.Time.Advance(TimeSpan.FromSeconds(40));
        var before = _registry.Server.Requests.Count;
        await ReadAsync();
        Assert.Equal((2, before + 2), (_tokens, _registry.Server.Requests.Count));
    }

    [Fact]
    public async Task Many_readers_get_one_token()
    {
        WantTokens();
        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => ReadAsync()));
        Assert.Equal(1, _tokens);
    }

    [Fact]
    public async Task Password_by_basic_authentication_is_read_anew_when_it_is_refused()
    {
        (_registry.Challenge, _registry.Authorization) = ("Basic realm=\"x\"", "Basic " + Base64("me:first"));
        LogIn("me:first");
        await ReadAsync();
        _registry.Authorization = "Basic " + Base64("me:second");
        Assert.Equal(SourceFailure.Refused, (await FailAsync()).Failure);
        LogIn("me:second");
        await ReadAsync();
    }

    [Fact]
    public async Task Without_credentials_the_error_says_where_they_were_looked_for()
    {
        (_registry.Challenge, _registry.Authorization) = ("Basic realm=\"x\"", "Basic y");
        var error = await FailAsync();
        Assert.Equal(SourceFailure.Refused, error.Failure);
        Assert.Contains(_registry.ConfigFile, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_server_that_refuses_is_named_and_one_that_fails_is_asked_again()
    {
        WantTokens(from: _ => false);
        var error = await FailAsync();
        Assert.Equal(SourceFailure.Refused, error.Failure);
        Assert.Contains("/token", error.Message, StringComparison.Ordinal);
        WantTokens();
        _registry.Server.Inject(Fault.Answer(503), 2, request => request.Path == "/token");
        await ReadAsync();
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"token":"a\r\nX-Evil: b"}""")]
    [InlineData("""{"token":5}""")]
    public async Task An_answer_without_a_token_is_refused(string json)
    {
        WantTokens();
        _registry.Tokens = _ => ProxyAnswer.Of(200, Encoding.UTF8.GetBytes(json));
        Assert.Equal(SourceFailure.Permanent, (await FailAsync()).Failure);
    }

    [Fact]
    public async Task A_challenge_that_names_no_server_is_refused()
    {
        (_registry.Challenge, _registry.Authorization) = ("Bearer realm=\"file:///etc/passwd\"", "x");
        Assert.Contains("names no server", (await FailAsync()).Message, StringComparison.Ordinal);
        _registry.Challenge = "Negotiate";
        Assert.Equal(SourceFailure.Refused, (await FailAsync()).Failure);
    }

    [Fact]
    public async Task A_password_does_not_go_to_a_token_server_of_another_host_by_http()
    {
        LogIn("me:secret");
        (_registry.Challenge, _registry.Authorization) = ("Bearer realm=\"http://tokens.invalid/token\"", "x");
        var error = await FailAsync();
        Assert.Equal(SourceFailure.Permanent, error.Failure);
        Assert.Contains("http://tokens.invalid/token, which is another host by http: credentials do not go there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_another_host_takes_is_not_shown_credentials()
    {
        await using var other = FaultServer.Serve(request => ProxyAnswer.Of(request.Method == "PUT" ? 201 : 202));
        (_registry.Challenge, _registry.Authorization) = ("Basic realm=\"x\"", "Basic " + Base64("me:secret"));
        LogIn("me:secret");
        _registry.WriteHosts(_registry.Server.Host, "[header]\nX-Mine = \"secret\"\n");
        using var client = _registry.Client();
        _registry.Server.Inject(Fault.Header("Location", new Uri(other.Url, "upload").ToString()), int.MaxValue, request => request.Method == "POST");
        await using var source = new BytesSource("bytes", _blob, default);

        await client.PushBlobAsync(Digest.Sha256(_blob), source, null, default);

        Assert.Equal(["PATCH", "PUT"], other.Requests.Select(request => request.Method));
        Assert.All(other.Requests, request => Assert.Equal((null, null), (request["Authorization"], request["X-Mine"])));
        Assert.Equal("secret", _registry.Server.Requests[^1]["X-Mine"]);
    }
}
