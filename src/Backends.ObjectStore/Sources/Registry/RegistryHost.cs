using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>One host that a repository is had from. As a sender it pulls. Safe for concurrent use.</summary>
sealed class RegistryHost : IHttpSender, IBodyWatcher, IDisposable
{
    /// <summary>How long a host that failed is asked last.</summary>
    static readonly TimeSpan s_suspicion = TimeSpan.FromMinutes(1);

    readonly RegistryName _registry;
    readonly RegistryHostOptions _options;
    readonly RegistryAuthorization _authorization;
    readonly TimeProvider _clock;
    readonly OriginLink _link;
    readonly RemoteEndpoint _endpoint;
    bool _hasFailed;
    long _suspectUntil = long.MinValue;

    /// <param name="registry">The repository.</param>
    /// <param name="options">Of this host.</param>
    /// <param name="credentials">Where they are.</param>
    /// <param name="counters">Of the repository's requests, whichever host gets them.</param>
    /// <param name="endpoints">Among which is this host, that is counted for itself.</param>
    /// <exception cref="SourceException">Its certificates cannot be read.</exception>
    public RegistryHost(RegistryName registry, RegistryHostOptions options, RegistryCredentials credentials, SourceCounters counters, RemoteEndpoints endpoints)
    {
        (_registry, _options, _clock) = (registry, options, endpoints.Clock);
        _endpoint = endpoints.Get(Name);
        Counters = new SourceCounters(counters, _endpoint.Counters);
        _link = new OriginLink(options.Base, options.Trust);
        _authorization = new RegistryAuthorization(
            registry.Repository, options.MirrorOf is null ? registry.CredentialKey : options.Base.Authority, options.Base, credentials, _link, Counters, endpoints.Clock);
    }

    public string Name => _options.Base.Authority;

    /// <summary>Of requests to this host beyond those that whoever asks counts.</summary>
    public SourceCounters Counters { get; }

    public RegistryCapabilities Capabilities => _options.Capabilities;

    /// <summary>The registry itself, who has the last word on what there is.</summary>
    public bool IsServer => _options.MirrorOf is null;

    public bool IsSuspect => Interlocked.Read(ref _suspectUntil) > _clock.GetUtcNow().UtcTicks;

    /// <summary>For addresses that this host sends one to: without its credentials.</summary>
    public IHttpSender Elsewhere => _link;

    /// <summary>A request that the repository has counted goes to this host.</summary>
    public void Asked()
    {
        _endpoint.Counters.Requested();
        if (Interlocked.Exchange(ref _hasFailed, false)) _endpoint.Counters.Retried();
    }

    /// <summary>It gave what it was asked for.</summary>
    public void Gave()
    {
        if (!IsServer) _endpoint.TellUsedAgain($"mirror {Name} of {_options.MirrorOf} is used again");
    }

    /// <summary>It did not; where it is a mirror, others are asked instead.</summary>
    public void Failed(SourceException failure)
    {
        _endpoint.Counters.Failed(failure.Failure);
        if (failure.Failure is SourceFailure.Transient or SourceFailure.Busy)
        {
            Volatile.Write(ref _hasFailed, true);
            Suspect();
        }

        // What it does not have is no fault of a mirror.
        if (!IsServer && failure.Failure != SourceFailure.Missing) PassOver(failure.Message);
    }

    /// <summary>It was asked, and there was no answer in its time, or nobody waits for it any more.</summary>
    public void GivenUp() => Suspect();

    public void Received(int bytes) => _endpoint.Counters.Received(bytes);

    public void Broke()
    {
        _endpoint.Counters.Failed(SourceFailure.Transient);
        Volatile.Write(ref _hasFailed, true);
        Suspect();
        if (!IsServer) PassOver("an answer broke off");
    }

    void PassOver(string why) => _endpoint.TellPassedOver($"mirror {Name} of {_options.MirrorOf} is passed over: {why}");

    /// <summary>It failed: others are asked before it for a while.</summary>
    void Suspect() => Interlocked.Exchange(ref _suspectUntil, (_clock.GetUtcNow() + s_suspicion).UtcTicks);

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
