using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Gets tokens from the server that a registry names (distribution, docs/spec/auth: token.md and oauth.md).</summary>
/// <param name="link">The registry's own.</param>
/// <param name="clock">For expiry.</param>
sealed class TokenClient(IHttpSender link, TimeProvider clock)
{
    const int MaxAnswer = 1 << 20;

    const string ClientId = "virtiofs-store";

    /// <summary>Where the server does not say (token.md "expires_in").</summary>
    static readonly TimeSpan s_defaultLife = TimeSpan.FromSeconds(60);

    static readonly TimeSpan s_longestLife = TimeSpan.FromDays(1);

    /// <param name="registry">The API's address: a token server by http is only for registries by http.</param>
    /// <param name="challenge">Of the scheme Bearer.</param>
    /// <param name="scope">Where the challenge has none.</param>
    /// <param name="credential">Null to be anybody.</param>
    /// <param name="cancellation">Ends the request.</param>
    /// <exception cref="SourceException">There is no token.</exception>
    public async ValueTask<RegistryGrant> GetAsync(
        Uri registry, AuthChallenge challenge, string scope, RegistryCredential? credential, CancellationToken cancellation)
    {
        if (credential?.RegistryToken is { } shown) return new RegistryGrant($"Bearer {shown}", challenge, null);
        if (!Uri.TryCreate(challenge.Parameters.GetValueOrDefault("realm"), UriKind.Absolute, out var realm) || realm.Scheme is not ("https" or "http"))
            throw new SourceException($"{registry.Authority} wants a token, and names no server that has one");
        if (registry.Scheme == Uri.UriSchemeHttps && realm.Scheme != Uri.UriSchemeHttps)
            throw new SourceException($"{registry.Authority} wants a token of {HttpLink.Shown(realm)}, which is no https: credentials do not go there");
        // Who may listen to a registry by http hears what that is shown; another host's line is another's.
        if (credential is not null && realm.Scheme != Uri.UriSchemeHttps && realm.Host != registry.Host && !realm.IsLoopback)
            throw new SourceException($"{registry.Authority} wants a token of {HttpLink.Shown(realm)}, which is another host by http: credentials do not go there");
        var form = new List<KeyValuePair<string, string>>();
        if (challenge.Parameters.GetValueOrDefault("service") is { } service) form.Add(new("service", service));
        form.AddRange((challenge.Parameters.GetValueOrDefault("scope") ?? scope).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(one => new KeyValuePair<string, string>("scope", one)));
        var asked = clock.GetUtcNow();
        var response = await link.SendAsync(() => Request(realm, form, credential), cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
            throw await HttpFailures.OfAsync($"token for {registry.Authority} from {HttpLink.Shown(realm)}", response, clock, cancellation).ConfigureAwait(false);
        using (response)
        {
            var (token, life) = Parse(realm, await HttpBodies.ReadAsync(response, MaxAnswer, cancellation).ConfigureAwait(false));
            return new RegistryGrant($"Bearer {token}", challenge, asked + life);
        }
    }

    static HttpRequestMessage Request(Uri realm, List<KeyValuePair<string, string>> form, RegistryCredential? credential)
    {
        if (credential?.IdentityToken is { } identity)
        {
            // Here scopes are one field, parted by spaces (RFC 6749, 3.3).
            var scopes = string.Join(' ', form.Where(pair => pair.Key == "scope").Select(pair => pair.Value));
            KeyValuePair<string, string>[] fields =
                [.. form.Where(pair => pair.Key != "scope"), new("scope", scopes), new("grant_type", "refresh_token"), new("client_id", ClientId), new("refresh_token", identity)];
            return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(fields) };
        }

        var query = new StringBuilder(realm.Query.TrimStart('?'));
        foreach (var (name, value) in form) query.Append(query.Length > 0 ? "&" : "").Append(name).Append('=').Append(Uri.EscapeDataString(value));
        var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        if (credential?.UserName is { } user)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{credential.Password}")));
        }

        return request;
    }

    static (string Token, TimeSpan Life) Parse(Uri realm, byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var token = Text("token") ?? Text("access_token");
            // It goes into a header as it is.
            if (string.IsNullOrEmpty(token) || token.Any(c => c is <= ' ' or > '~')) throw new SourceException($"{HttpLink.Shown(realm)} answered without a token");
            var life = root.TryGetProperty("expires_in", out var seconds) && seconds.TryGetInt64(out var said) && said > 0
                ? TimeSpan.FromSeconds(Math.Min(said, (long)s_longestLife.TotalSeconds))
                : s_defaultLife;
            // A tenth early: the next request has its way to go.
            return (token, life * 0.9);

            string? Text(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SourceException($"{HttpLink.Shown(realm)} answered with something that is no token", e);
        }
    }
}
