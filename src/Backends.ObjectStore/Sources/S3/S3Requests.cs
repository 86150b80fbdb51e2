using Amazon.S3;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>Requests within a host's bounds, each made again where a failure may pass.</summary>
/// <param name="connection">To the service.</param>
/// <param name="endpoint">Its host.</param>
/// <param name="timeout">Of each, for all its tries.</param>
/// <param name="cancellation">Ends them.</param>
readonly struct S3Requests(S3Connection connection, RemoteEndpoint endpoint, TimeSpan timeout, CancellationToken cancellation)
{
    public CancellationToken Cancellation => cancellation;

    /// <param name="what">Such as <c>cannot write s3://BUCKET/KEY</c>, for messages.</param>
    /// <param name="request">Makes the request once.</param>
    /// <exception cref="SourceException">The last try's failure.</exception>
    public async ValueTask<T> RunAsync<T>(string what, Func<IAmazonS3, CancellationToken, Task<T>> request)
    {
        var to = connection;
        try
        {
            return await endpoint.RunAsync(stop => to.RunAsync(what, request, stop), endpoint.Counters, timeout, cancellation).ConfigureAwait(false);
        }
        // A host that says nothing is told of by what waited for it, which does not know what for.
        catch (SourceException e) when (!e.Message.StartsWith(what, StringComparison.Ordinal))
        {
            throw new SourceException(e.Failure, $"{what}: {e.Message}", e, e.RetryAfter);
        }
    }
}
