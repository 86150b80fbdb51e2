using System.Net;
using System.Security.Authentication;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>A pool of connections, bounded in all that a server could make large or long but bodies, whose reader bounds them. Nothing is followed, remembered or unpacked on the way. Safe for concurrent use.</summary>
public sealed class HttpLink : IHttpSender, IDisposable
{
    /// <summary>In KiB, as the handler counts; signed redirects are long, but not that long.</summary>
    const int MaxHeadSize = 64;

    readonly HttpMessageInvoker _invoker;
    readonly HttpTrust _trust;

    /// <param name="trust">How TLS is spoken.</param>
    /// <param name="proxy">For other machines; null for that of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).</param>
    /// <exception cref="SourceException">A certificate's file cannot be read.</exception>
    public HttpLink(HttpTrust trust, IWebProxy? proxy = null)
    {
        _trust = trust;
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            Proxy = new RemoteProxy(proxy ?? HttpClient.DefaultProxy),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            MaxResponseHeadersLength = MaxHeadSize,
            // A body that nobody reads to its end is worth no more than a new connection.
            MaxResponseDrainSize = 16 << 10,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            // Names may move.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            EnableMultipleHttp2Connections = true,
            ActivityHeadersPropagator = null,
            SslOptions = CertificateCheck.Options(trust),
        });
    }

    public async ValueTask<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        using var message = request();
        var address = message.RequestUri!;
        message.Version = HttpVersion.Version11;
        message.VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher;
        message.Headers.UserAgent.ParseAdd("virtiofs-store/0.1");
        message.Headers.AcceptEncoding.ParseAdd("identity");
        HttpResponseMessage response;
        try
        {
            response = await _invoker.SendAsync(message, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw Failure(message.Method, address, e);
        }
        catch (IOException e) when (e is not SourceException)
        {
            throw new SourceException(SourceFailure.Transient, $"{message.Method} {Shown(address)} broke: {e.Message}", e);
        }

        if (response.IsSuccessStatusCode && response.Content.Headers.ContentEncoding.Any(encoding => encoding != "identity"))
        {
            response.Dispose();
            throw new SourceException($"{Shown(address)} came with Content-Encoding {string.Join(", ", response.Content.Headers.ContentEncoding)}, which was not asked for: a proxy on the way changes what passes; make it leave this host alone");
        }

        return response;
    }

    public void Dispose() => _invoker.Dispose();

    /// <summary>Without the query, which may hold a signature that is worth money, and without a user's name and password.</summary>
    internal static string Shown(Uri address) => address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>What came in place of TLS is, most often, HTTP's "400 Bad Request".</summary>
    string TlsHint(string why) =>
        why.Contains("frame size", StringComparison.OrdinalIgnoreCase) ? "; a server that speaks http is reached with --plain-http"
        : _trust.AuthorityFiles.Count == 0 ? "; a private authority is named by 'ca' in the host's hosts.toml"
        : "";

    SourceException Failure(HttpMethod method, Uri address, HttpRequestException e)
    {
        var what = $"{method} {Shown(address)}";
        // The outer message often says no more than that there is an inner one.
        var why = (e.InnerException ?? e).Message;
        return e switch
        {
            { InnerException: AuthenticationException } => new SourceException(
                SourceFailure.Permanent,
                $"{what}: TLS with {address.Authority} failed: {why}{TlsHint(why)}", e),
            { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } => new SourceException(
                SourceFailure.Permanent, $"{what}: the answer's head has more than {MaxHeadSize} KiB", e),
            _ when HttpFailures.IsUnreachable(e) => new SourceException(
                SourceFailure.Transient, $"cannot reach {address.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)}: {why}", e)
            { IsUnreachable = true },
            _ => new SourceException(SourceFailure.Transient, $"{what} failed: {why}", e),
        };
    }
}
