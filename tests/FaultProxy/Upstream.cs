using System.Net.Http.Headers;

namespace VirtioFsStore.FaultProxy;

/// <summary>Asks a real server, as a reverse proxy does. Redirects go through to the client.</summary>
sealed class Upstream(Uri server) : IDisposable
{
    static readonly HashSet<string> s_hopByHop = new(StringComparer.OrdinalIgnoreCase)
        { "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Expect", "TE", "Trailer", "Upgrade" };

    readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });

    public async Task<ProxyAnswer> AskAsync(ProxyRequest request, CancellationToken cancellation)
    {
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), server.GetLeftPart(UriPartial.Authority) + request.Target);
        if (request.Body.Length > 0 || request.Method is "POST" or "PUT" or "PATCH") message.Content = new ByteArrayContent(request.Body);
        // The Host that the client named stays: signatures cover it, and servers build their own addresses of it.
        foreach (var (name, value) in request.Headers)
            if (!s_hopByHop.Contains(name) && !message.Headers.TryAddWithoutValidation(name, value)) message.Content?.Headers.TryAddWithoutValidation(name, value);
        var response = await _client.SendAsync(message, cancellation);
        var length = request.Method == "HEAD" ? 0 : response.Content.Headers.ContentLength;
        var answer = new ProxyAnswer((int)response.StatusCode, await response.Content.ReadAsStreamAsync(cancellation), length);
        Copy(response.Headers, answer);
        Copy(response.Content.Headers, answer);
        // HEAD says the length of what it does not send.
        if (request.Method == "HEAD" && response.Content.Headers.ContentLength is { } said) answer.Headers["Content-Length"] = $"{said}";
        return answer;
    }

    public void Dispose() => _client.Dispose();

    static void Copy(HttpHeaders from, ProxyAnswer to)
    {
        foreach (var (name, values) in from)
            if (!s_hopByHop.Contains(name)) to.Headers[name] = string.Join(", ", values);
    }
}
