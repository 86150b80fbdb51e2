using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>One host that a repository is had from. As a sender it pulls. Safe for concurrent use.</summary>
sealed class RegistryHost : IHttpSender, IDisposable
{
    /// <summary>How long a host that failed is asked last.</summary>
    static readonly TimeSpan s_suspicion = TimeSpan.FromMinutes(1);

    readonly RegistryName _registry;
    readonly RegistryHostOptions _options;
    readonly RegistryAuthorization _authorization;
    readonly TimeProvider _clock;
    readonly OriginLink _link;
    long _suspectUntil = long.MinValue;

    /// <exception cref="SourceException">Its certificates cannot be read.</exception>
    public RegistryHost(RegistryName registry, RegistryHostOptions options, RegistryCredentials credentials, SourceCounters counters, TimeProvider clock)
    {
        (_registry, _options, _clock) = (registry, options, clock);
        _link = new OriginLink(options.Base, options.Trust);
        _authorization = new RegistryAuthorization(
            registry.Repository, options.MirrorOf is null ? registry.CredentialKey : options.Base.Authority, options.Base, credentials, _link, counters, clock);
    }

    public string Name => _options.Base.Authority;

    public RegistryCapabilities Capabilities => _options.Capabilities;

    /// <summary>The registry itself, who has the last word on what there is.</summary>
    public bool IsServer => _options.MirrorOf is null;

    public bool IsSuspect => Interlocked.Read(ref _suspectUntil) > _clock.GetUtcNow().UtcTicks;

    /// <summary>For addresses that this host sends one to: without its credentials.</summary>
    public IHttpSender Elsewhere => _link;

    /// <summary>It failed: others are asked before it for a while.</summary>
    public void Suspect() => Interlocked.Exchange(ref _suspectUntil, (_clock.GetUtcNow() + s_suspicion).UtcTicks);

    /// <param name="path">Below the repository: <c>blobs/DIGEST</c>.</param>
    public Uri Address(string path)
    {
        var address = new Uri(_options.Base, $"{_registry.Repository}/{path}");
        if (_options.MirrorOf is not { } registry) return address;
        var query = address.Query.Length > 0 ? address.Query + "&" : "?";
        return new Uri(address.GetLeftPart(UriPartial.Path) + $"{query}ns={Uri.EscapeDataString(registry)}");
    }

    public ValueTask<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation) =>
        SendAsync(RegistryAction.Pull, request, cancellation);

    /// <param name="action">What the request does.</param>
    /// <param name="request">To an address of this host, or of another, which is not shown credentials.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SourceException">There was no sound answer.</exception>
    public ValueTask<HttpResponseMessage> SendAsync(RegistryAction action, Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        using var sample = request();
        return HttpRedirects.IsSameOrigin(sample.RequestUri!, _options.Base)
            ? _authorization.SendAsync(action, () => WithHeaders(request()), cancellation)
            : _link.SendAsync(request, cancellation);
    }

    public void Dispose()
    {
        _authorization.Dispose();
        _link.Dispose();
    }

    HttpRequestMessage WithHeaders(HttpRequestMessage request)
    {
        foreach (var (name, value) in _options.Headers) request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }
}
