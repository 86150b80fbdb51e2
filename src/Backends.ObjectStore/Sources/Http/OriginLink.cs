namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>Sends requests to one host with all the trust that is put in it, and to those that it sends one to with less: who they are is checked, and
/// they are not shown who asks. Safe for concurrent use.</summary>
sealed class OriginLink : IHttpSender, IDisposable
{
    readonly Uri _origin;
    readonly HttpLink _own;
    readonly HttpLink _others;

    /// <param name="origin">The host, by its scheme, name and port.</param>
    /// <param name="trust">In that host. Its authorities are believed of others, too: a registry's store often has a certificate of the same.</param>
    /// <exception cref="SourceException">A certificate's file cannot be read.</exception>
    public OriginLink(Uri origin, HttpTrust trust)
    {
        _origin = origin;
        _own = new HttpLink(trust);
        try
        {
            _others = new HttpLink(trust with { ClientFiles = [], SkipVerify = false });
        }
        catch
        {
            _own.Dispose();
            throw;
        }
    }

    public ValueTask<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        // A link asks for the request once.
        var made = request();
        return (HttpRedirects.IsSameOrigin(made.RequestUri!, _origin) ? _own : _others).SendAsync(() => made, cancellation);
    }

    public void Dispose()
    {
        _own.Dispose();
        _others.Dispose();
    }
}
