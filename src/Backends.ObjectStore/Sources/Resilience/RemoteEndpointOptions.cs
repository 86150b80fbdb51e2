namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>What remote hosts do for the process that asks them, whichever they are.</summary>
public sealed record RemoteEndpointOptions
{
    /// <summary>Called once for each host that is seen to ignore ranges; null for nobody.</summary>
    public Action<RemoteEndpoint>? RangesIgnored { get; init; }

    /// <summary>Called with a line for a person where something goes on otherwise than it should: a host does not answer and is tried again, a mirror is
    /// passed over, what was sent of an upload cannot be noted, a key of a hosts.toml means nothing. From any thread; null for nobody.</summary>
    public Action<string>? Warned { get; init; }

    /// <summary>How long a host that cannot be reached is tried which never answered in this process: its name may be wrong. Null for as long as
    /// any other.</summary>
    public TimeSpan? FirstContact { get; init; }

    /// <summary>Blobs that are refused (401, 403) are asked for again within the time of a read, with the credentials of then: for who cannot come
    /// back later, as a guest that reads (<see cref="IRangeSource.OpenAsync(long, long, RequestPriority, CancellationToken)"/>).</summary>
    public bool WaitsForCredentials { get; init; }
}
