using System.Net;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>The SDK reads what is not an object's content (errors, listings) into memory, however long a server makes it: here it ends.</summary>
sealed class BoundedAnswers(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>A listing of 1000 parts or uploads, whose keys have up to 1024 bytes, escaped.</summary>
    const int MaxLength = 8 << 20;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        // An answer to HEAD has no body, only its length.
        if (request.Method == HttpMethod.Head) return answer;
        if (request.Headers.Range is not null && answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent) return answer;
        try
        {
            await answer.Content.LoadIntoBufferAsync(MaxLength, cancellationToken).ConfigureAwait(false);
            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }
}
