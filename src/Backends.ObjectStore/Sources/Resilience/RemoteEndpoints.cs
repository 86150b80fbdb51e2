using System.Collections.Concurrent;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>The remote hosts that a process has to do with: one for all sources, so that bounds and counters are of the host. Safe for
/// concurrent use.</summary>
/// <param name="clock">Null for the system's.</param>
/// <param name="random">In [0, 1), for jitter; null for the system's.</param>
/// <param name="options">Of all of them; null for none.</param>
public sealed class RemoteEndpoints(TimeProvider? clock = null, Func<double>? random = null, RemoteEndpointOptions? options = null)
{
    readonly RetryDelays _delays = new(clock ?? TimeProvider.System, random ?? Random.Shared.NextDouble);
    readonly ConcurrentDictionary<string, RemoteEndpoint> _endpoints = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, byte> _told = new(StringComparer.Ordinal);

    public TimeProvider Clock => _delays.Clock;

    internal Action<string>? Warned => options?.Warned;

    /// <summary>For what is found again by each that looks: a line is said once.</summary>
    internal void WarnOnce(string line)
    {
        if (_told.TryAdd(line, default)) Warned?.Invoke(line);
    }

    /// <summary>Those that were asked for so far.</summary>
    public IEnumerable<RemoteEndpoint> All => _endpoints.Values;

    /// <param name="name">HOST[:PORT] of a registry or an S3 endpoint, as the person names it.</param>
    public RemoteEndpoint Get(string name) => _endpoints.GetOrAdd(name, host => new RemoteEndpoint(host, _delays, options: options));
}
