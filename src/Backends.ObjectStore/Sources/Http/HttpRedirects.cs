using System.Net;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>Where answers send one on to (RFC 9110, 15.4).</summary>
static class HttpRedirects
{
    public static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;

    /// <summary>Only there do credentials go.</summary>
    public static bool IsSameOrigin(Uri a, Uri b) => a.Scheme == b.Scheme && a.Authority == b.Authority;

    /// <exception cref="SourceException">It does not say where to, or it leads away from TLS.</exception>
    public static Uri Target(string name, Uri from, HttpResponseMessage response)
    {
        if (response.Headers.Location is not { } location) throw new SourceException($"{name}: a redirect ({(int)response.StatusCode}) that leads nowhere");
        return Target(name, from, location);
    }

    /// <param name="name">For messages.</param>
    /// <param name="from">What was asked.</param>
    /// <param name="location">What it answered; may be relative.</param>
    /// <exception cref="SourceException">It leads out of HTTP, or away from TLS.</exception>
    public static Uri Target(string name, Uri from, Uri location)
    {
        var to = location.IsAbsoluteUri ? location : new Uri(from, location);
        if (to.Scheme != Uri.UriSchemeHttps && to.Scheme != Uri.UriSchemeHttp) throw new SourceException($"{name}: a redirect to {HttpLink.Shown(to)}, which is no HTTP");
        if (from.Scheme == Uri.UriSchemeHttps && to.Scheme != Uri.UriSchemeHttps)
            throw new SourceException($"{name}: a redirect from https to {HttpLink.Shown(to)}, where anybody may listen");
        return to;
    }
}
