namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>A remote source that is asked within its host's bounds, and again where a failure may pass. A stream that breaks goes on where it
/// broke. What does not pass (refused, missing, changed) fails at once.</summary>
/// <param name="source">Asks once, with one request for each range; becomes this object's own. Streams of it may end early, which counts as
/// transient.</param>
/// <param name="endpoint">Its host.</param>
/// <param name="timeout">How long a read may go without any progress, with all that is tried in that time.</param>
/// <param name="counters">Those of one image, whose total the endpoint's are; null for the endpoint's alone.</param>
public sealed class ResilientSource(IRangeSource source, RemoteEndpoint endpoint, TimeSpan timeout, SourceCounters? counters = null) : IRangeSource
{
    public string Name => source.Name;

    public long Size => source.Size;

    public SourceIdentity Identity => source.Identity;

    public bool IgnoresRanges => endpoint.IgnoresRanges;

    public RemoteEndpoint Endpoint => endpoint;

    public SourceCounters Counters { get; } = counters ?? endpoint.Counters;

    internal IRangeSource Inner => source;

    /// <inheritdoc/>
    /// <remarks>Refusals do not pass: whoever reads a document or an index so can be told, or has another way.</remarks>
    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        OpenAsync(offset, length, RequestPriority.Demand, false, cancellation);

    /// <inheritdoc/>
    /// <remarks>Refusals may pass, where <see cref="RemoteEndpointOptions.WaitsForCredentials"/> says so.</remarks>
    public ValueTask<Stream> OpenAsync(long offset, long length, RequestPriority priority, CancellationToken cancellation) =>
        OpenAsync(offset, length, priority, endpoint.WaitsForCredentials, cancellation);

    public ValueTask DisposeAsync() => source.DisposeAsync();

    async ValueTask<Stream> OpenAsync(long offset, long length, RequestPriority priority, bool waitsForCredentials, CancellationToken cancellation)
    {
        // Where to read may come out of an index that someone else made.
        if (offset < 0 || length < 1 || length > Size - offset) throw new SourceException($"{Name} has {Size} bytes: there are not {length} at {offset}");
        var stream = new ResilientStream(this, offset, length, new Retrying(endpoint, Counters, priority, timeout, Name, waitsForCredentials));
        await stream.BeginAsync(cancellation).ConfigureAwait(false);
        return stream;
    }
}
