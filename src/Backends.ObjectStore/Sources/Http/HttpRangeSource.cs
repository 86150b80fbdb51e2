using System.Net;
using System.Net.Http.Headers;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>A blob of a known size behind a URL, asked once for each range (RFC 9110, 14). Redirects are followed, to other hosts without
/// credentials, and where they led is kept until it does not answer any more: registries send their readers to signed addresses that expire.</summary>
/// <param name="name">For messages.</param>
/// <param name="location">Where it lies.</param>
/// <param name="size">In bytes; an answer that says another is refused.</param>
/// <param name="identity">An answer with another ETag than this one's is refused.</param>
/// <param name="origin">For the location's own host; not owned.</param>
/// <param name="elsewhere">For hosts that it redirects to; not owned.</param>
/// <param name="endpoint">Is told that ranges are ignored; gives the clock.</param>
/// <param name="counters">Of requests beyond the first of a read.</param>
/// <param name="watcher">Null for nobody.</param>
public sealed class HttpRangeSource(
    string name, Uri location, long size, SourceIdentity identity, IHttpSender origin, IHttpSender elsewhere,
    RemoteEndpoint endpoint, SourceCounters counters, IBodyWatcher? watcher = null) : IRangeSource
{
    const int MaxRedirects = 5;

    Uri? _redirected;

    public string Name => name;

    public long Size => size;

    public SourceIdentity Identity => identity;

    public async ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        var response = await AskAsync(offset, length, cancellation).ConfigureAwait(false);
        try
        {
            return await AcceptAsync(response, offset, length, cancellation).ConfigureAwait(false);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    async ValueTask<HttpResponseMessage> AskAsync(long offset, long length, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _redirected) is { } known)
        {
            HttpResponseMessage response;
            try
            {
                response = await AskAsync(known, offset, length, cancellation).ConfigureAwait(false);
            }
            catch
            {
                // That host may be gone for good: the next try asks where to go now.
                Interlocked.CompareExchange(ref _redirected, null, known);
                throw;
            }

            if ((int)response.StatusCode >= 500) Interlocked.CompareExchange(ref _redirected, null, known);
            if (!HasExpired(response.StatusCode)) return response;
            response.Dispose();
            Interlocked.CompareExchange(ref _redirected, null, known);
            counters.Requested();
        }

        var address = location;
        for (var hops = 0; ; hops++)
        {
            var response = await AskAsync(address, offset, length, cancellation).ConfigureAwait(false);
            if (!HttpRedirects.IsRedirect(response.StatusCode))
            {
                if (hops > 0 && response.IsSuccessStatusCode) Volatile.Write(ref _redirected, address);
                return response;
            }

            using (response) address = HttpRedirects.Target(name, address, response);
            if (hops == MaxRedirects) throw new SourceException($"{name}: more than {MaxRedirects} redirects, the last to {HttpLink.Shown(address)}");
            counters.Requested();
        }
    }

    ValueTask<HttpResponseMessage> AskAsync(Uri address, long offset, long length, CancellationToken cancellation)
    {
        var sender = HttpRedirects.IsSameOrigin(address, location) ? origin : elsewhere;
        return sender.SendAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, address);
                // Of the whole, servers and caches on the way know more than of a range that is the whole.
                if (length == size) return request;
                request.Headers.Range = new RangeHeaderValue(offset, offset + length - 1);
                // A weak one cannot stand for bytes (RFC 9110, 13.1.5).
                if (identity.ETag is { } etag && EntityTagHeaderValue.TryParse(etag, out var tag) && !tag.IsWeak) request.Headers.IfRange = new RangeConditionHeaderValue(tag);
                return request;
            },
            cancellation);
    }

    async ValueTask<Stream> AcceptAsync(HttpResponseMessage response, long offset, long length, CancellationToken cancellation)
    {
        var (skip, given) = response.StatusCode switch
        {
            HttpStatusCode.PartialContent => AcceptPart(response, offset, length),
            HttpStatusCode.OK => AcceptWhole(response, offset, length),
            HttpStatusCode.RequestedRangeNotSatisfiable => throw Unsatisfiable(response, offset, length),
            _ => throw await HttpFailures.OfAsync($"GET {name}", response, endpoint.Delays.Clock, cancellation).ConfigureAwait(false),
        };
        var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        return new HttpRangeStream(name, response, body, skip, given, watcher);
    }

    (long Skip, long Given) AcceptPart(HttpResponseMessage response, long offset, long length)
    {
        CheckETag(response);
        var headers = response.Content.Headers;
        // Several ranges were not asked for, so this is not an answer to what was (RFC 9110, 15.3.7.2).
        if (headers.ContentType?.MediaType is { } type && type.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
            throw new SourceException($"{name}: a single range was answered as {type}");
        if (headers.ContentRange is not { Unit: "bytes", From: { } from, To: { } to } range)
            throw new SourceException($"{name}: a range was answered without saying which (Content-Range is {Said(response, "Content-Range")})");
        if (range.Length is { } total && total != size) throw Changed($"it has {total} bytes now, not {size}");
        if (from != offset || to >= offset + length)
            throw new SourceException($"{name}: bytes {offset}-{offset + length - 1} were asked for, {from}-{to} came");
        // Less than was asked for is an answer; who wants the rest asks again.
        var given = to - from + 1;
        if (headers.ContentLength is { } said && said != given)
            throw new SourceException(SourceFailure.Transient, $"{name}: the answer says bytes {from}-{to}, but {said} bytes");
        return (0, given);
    }

    (long Skip, long Given) AcceptWhole(HttpResponseMessage response, long offset, long length)
    {
        CheckETag(response);
        if (response.Content.Headers.ContentLength is { } total && total != size) throw Changed($"it has {total} bytes now, not {size}");
        if (length != size)
        {
            counters.RangeIgnored();
            endpoint.NoteIgnoredRange();
        }

        return (offset, length);
    }

    SourceException Unsatisfiable(HttpResponseMessage response, long offset, long length) =>
        response.Content.Headers.ContentRange?.Length is { } total && total != size
            ? Changed($"it has {total} bytes now, not {size}")
            : new SourceException($"{name}: bytes {offset}-{offset + length - 1} of {size} are refused (416)");

    void CheckETag(HttpResponseMessage response)
    {
        if (identity.ETag is { } etag && response.Headers.ETag is { } now && now.ToString() != etag) throw Changed($"its ETag is {now} now, not {etag}");
    }

    SourceException Changed(string how) => new(SourceFailure.Changed, $"{name} has changed: {how}");

    static string Said(HttpResponseMessage response, string header) =>
        response.Content.Headers.NonValidated.TryGetValues(header, out var values) ? $"'{values}'" : "missing";

    /// <summary>What signed addresses say when their time is over, and what is said of addresses that were good until now.</summary>
    static bool HasExpired(HttpStatusCode status) =>
        (int)status is >= 300 and < 500 and not (408 or 416 or 425 or 429);
}
