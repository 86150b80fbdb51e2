using System.Net;
using System.Text;
using System.Text.Json;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>What statuses mean to a source.</summary>
static class HttpFailures
{
    /// <summary>Of an error's body: what a person reads of it.</summary>
    const int MaxBody = 8 << 10;

    const int MaxReason = 300;

    /// <summary>The failure that an answer is, and the answer disposed of.</summary>
    /// <param name="what">For messages: the request, on what.</param>
    /// <param name="response">Of a status that was not hoped for.</param>
    /// <param name="clock">For dates of Retry-After, where the server says no date of its own.</param>
    /// <param name="cancellation">Ends reading the body.</param>
    public static async ValueTask<SourceException> OfAsync(string what, HttpResponseMessage response, TimeProvider clock, CancellationToken cancellation)
    {
        using (response)
        {
            var asked = RetryAfter(response, clock);
            var wantsTls = response.StatusCode == HttpStatusCode.BadRequest && await WantsTlsAsync(response, cancellation).ConfigureAwait(false);
            var reason = wantsTls ? "" : await ReasonAsync(response, cancellation).ConfigureAwait(false);
            var kind = Kind(response.StatusCode, asked is not null);
            var hint = response.StatusCode switch
            {
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => "; the credentials do not suffice",
                HttpStatusCode.BadRequest when wantsTls => "; it was asked by http and speaks https: say so in its hosts.toml, by server = \"https://HOST[:PORT]\"",
                HttpStatusCode.ProxyAuthenticationRequired => "; the proxy wants credentials",
                _ => "",
            };
            return new SourceException(kind, $"{what}: {(int)response.StatusCode} {response.StatusCode}{reason}{hint}", null, kind is SourceFailure.Busy or SourceFailure.Transient ? asked : null);
        }
    }

    /// <summary>Whether nobody was reached who could have answered (<see cref="SourceException.IsUnreachable"/>).</summary>
    public static bool IsUnreachable(HttpRequestException failure) => failure.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError;

    static SourceFailure Kind(HttpStatusCode status, bool asksForPatience) => (int)status switch
    {
        401 or 403 => SourceFailure.Refused,
        404 or 410 => SourceFailure.Missing,
        412 => SourceFailure.Changed,
        429 => SourceFailure.Busy,
        503 when asksForPatience => SourceFailure.Busy,
        501 or 505 => SourceFailure.Permanent,
        408 or 425 or >= 500 => SourceFailure.Transient,
        _ => SourceFailure.Permanent,
    };

    /// <summary>Seconds, or a date (RFC 9110, 10.2.3).</summary>
    internal static TimeSpan? RetryAfter(HttpResponseMessage response, TimeProvider clock)
    {
        if (response.Headers.RetryAfter is not { } asked) return null;
        var delay = asked.Delta ?? asked.Date - (response.Headers.Date ?? clock.GetUtcNow());
        return delay < TimeSpan.Zero ? TimeSpan.Zero : delay;
    }

    /// <summary>Servers that speak TLS tell those who do not, in a text of their own: "Client sent an HTTP request to an HTTPS server" (Go), "The plain
    /// HTTP request was sent to HTTPS port" (nginx).</summary>
    static async ValueTask<bool> WantsTlsAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.RequestMessage?.RequestUri?.Scheme != Uri.UriSchemeHttp || response.Content.Headers.ContentType?.MediaType?.StartsWith("text/", StringComparison.Ordinal) == false) return false;
        try
        {
            return Encoding.Latin1.GetString(await HttpBodies.ReadAsync(response, MaxBody, cancellation).ConfigureAwait(false)).Contains("HTTPS", StringComparison.Ordinal);
        }
        catch (SourceException)
        {
            return false;
        }
    }

    /// <summary>The first error of a registry's JSON; other bodies are pages for browsers.</summary>
    static async ValueTask<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentType?.MediaType is not { } type || !type.EndsWith("json", StringComparison.OrdinalIgnoreCase)) return "";
        try
        {
            var body = await HttpBodies.ReadAsync(response, MaxBody, cancellation).ConfigureAwait(false);
            using var document = JsonDocument.Parse(body);
            var error = document.RootElement.GetProperty("errors")[0];
            var text = (error.TryGetProperty("message", out var message) ? message : error.GetProperty("code")).GetString() ?? "";
            text = new string([.. text.Take(MaxReason).Select(c => char.IsControl(c) ? ' ' : c)]);
            return text.Length == 0 ? "" : $" ({text})";
        }
        catch (Exception e) when (e is JsonException or SourceException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
        {
            return "";
        }
    }
}
