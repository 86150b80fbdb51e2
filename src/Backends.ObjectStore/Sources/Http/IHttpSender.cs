namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>Sends requests to one place, or to any, with what credentials it has for it. Safe for concurrent use.</summary>
public interface IHttpSender
{
    /// <summary>Ends when the head of the answer is there, whatever its status. Redirects are answers.</summary>
    /// <param name="request">Makes the request; called again where it has to be sent once more.</param>
    /// <param name="cancellation">Ends the wait for the head; the body has its own.</param>
    /// <exception cref="SourceException">There was no sound answer.</exception>
    ValueTask<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation);
}
