using System.Net;
using System.Net.Http.Headers;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>One repository of a registry by the OCI distribution specification, its mirrors included. Every request is tried again within its time
/// where a failure may pass. Safe for concurrent use.</summary>
public sealed partial class RegistryClient : IDisposable
{
    /// <summary>What registries take (distribution specification, "Pushing Manifests").</summary>
    const int MaxManifest = 4 << 20;

    /// <summary>Of hashes that this program verifies.</summary>
    const string DigestHeader = "Docker-Content-Digest";

    readonly RegistryName _name;
    readonly RegistryHostSet _hosts;
    readonly RemoteEndpoint _endpoint;
    readonly TimeSpan _timeout;

    /// <summary>The one host that is asked about manifests and tags; null for all that may be believed.</summary>
    readonly RegistryHost? _only;

    /// <summary>Asks nothing yet.</summary>
    /// <param name="name">Of the repository.</param>
    /// <param name="options">How registries are reached.</param>
    /// <param name="endpoints">Of this process.</param>
    /// <exception cref="SourceException">The configuration of this machine for that registry is not sound.</exception>
    public RegistryClient(RegistryName name, RemoteOptions options, RemoteEndpoints endpoints)
    {
        _name = name;
        _timeout = options.Timeout;
        _endpoint = endpoints.Get(name.Host);
        Counters = new SourceCounters();
        var credentials = new RegistryCredentials(options.Registry.ConfigFile);
        _hosts = new RegistryHostSet(
            [.. RegistryHosts.Find(name, options.Registry, endpoints.WarnOnce).Select(host => new RegistryHost(name, host, credentials, Counters, endpoints))], Counters);
    }

    RegistryClient(RegistryClient of)
    {
        (_name, _hosts, _endpoint, _timeout, Counters) = (of._name, of._hosts, of._endpoint, of._timeout, of.Counters);
        _only = of.Target;
    }

    /// <summary>For messages.</summary>
    public string Name => $"docker://{_name}";

    /// <summary>Of this client's requests, whichever host got them.</summary>
    public SourceCounters Counters { get; }

    /// <summary>Reads a manifest, and checks that its bytes have the digest that was asked for and the one that the registry says.</summary>
    /// <param name="reference">A tag or a digest.</param>
    /// <param name="mediaTypes">Of manifests that will do.</param>
    /// <param name="cancellation">Ends the request.</param>
    /// <exception cref="SourceException">There is none, or it cannot be had.</exception>
    public ValueTask<RegistryManifest> GetManifestAsync(string reference, IReadOnlyList<string> mediaTypes, CancellationToken cancellation)
    {
        var what = $"GET {Name} manifest {reference}";
        return AskAsync(reference, async (host, token) =>
        {
            using var response = await SendAsync(host, RegistryAction.Pull, what, () => Manifest(HttpMethod.Get, host, reference, mediaTypes), token, HttpStatusCode.OK).ConfigureAwait(false);
            var bytes = await HttpBodies.ReadAsync(response, MaxManifest, token).ConfigureAwait(false);
            var asked = Digest.TryParse(reference);
            var said = Said(response);
            foreach (var digest in new[] { asked, said })
            {
                if (digest is null) continue;
                using var hash = digest.CreateHash();
                hash.AppendData(bytes);
                if (!digest.Matches(hash, out var actual)) throw new SourceException($"{what}: what came from {host.Name} has digest {actual}, not {digest}");
            }

            return new RegistryManifest(response.Content.Headers.ContentType?.MediaType, asked ?? said ?? Digest.Sha256(bytes), bytes);
        }, cancellation);
    }

    /// <summary>What the registry says of a manifest; null where it does not say enough.</summary>
    /// <exception cref="SourceException">There is none, or it cannot be had.</exception>
    public ValueTask<RegistryManifestHead?> HeadManifestAsync(string reference, IReadOnlyList<string> mediaTypes, CancellationToken cancellation)
    {
        var what = $"HEAD {Name} manifest {reference}";
        return AskAsync<RegistryManifestHead?>(reference, async (host, token) =>
        {
            using var response = await SendAsync(host, RegistryAction.Pull, what, () => Manifest(HttpMethod.Head, host, reference, mediaTypes), token, HttpStatusCode.OK).ConfigureAwait(false);
            return Said(response) is { } digest && response.Content.Headers.ContentLength is >= 0 and <= MaxManifest and var size
                ? new RegistryManifestHead(response.Content.Headers.ContentType?.MediaType, digest, size)
                : null;
        }, cancellation);
    }

    /// <summary>The same, of the host alone that takes changes: what a mirror says may be older. It lives as long as this one.</summary>
    /// <exception cref="SourceException">No host takes changes.</exception>
    public RegistryClient OfTarget() => new(this);

    /// <summary>A blob to be read by ranges; no request is made yet.</summary>
    /// <param name="digest">Not verified by this.</param>
    /// <param name="size">As the manifest says.</param>
    public IRangeSource OpenBlob(Digest digest, long size)
    {
        var (name, hosts) = ($"{Name}@{digest}", _hosts.With(RegistryCapabilities.Pull));
        var source = new RegistryBlobSource(
            name, size, digest, _hosts, hosts,
            host => new HttpRangeSource(
                $"{name} of {host.Name}", host.Address($"blobs/{digest}"), size, new SourceIdentity(digest, null), host, host.Elsewhere, _endpoint, host.Counters, host));
        return new ResilientSource(source, _endpoint, _timeout, Counters);
    }

    public void Dispose()
    {
        if (_only is null) _hosts.Dispose();
    }

    /// <summary>Asks whoever may be believed.</summary>
    /// <param name="reference">A tag, or a digest, which need not be believed.</param>
    /// <param name="ask">Of one host, once.</param>
    /// <param name="cancellation">Ends it.</param>
    ValueTask<T> AskAsync<T>(string reference, Func<RegistryHost, CancellationToken, ValueTask<T>> ask, CancellationToken cancellation)
    {
        var among = _only is { } one ? [one] : _hosts.With(Digest.TryParse(reference) is null ? RegistryCapabilities.Resolve : RegistryCapabilities.Pull);
        return _endpoint.RunAsync(token => _hosts.AskAsync(among, host => ask(host, token), token), Counters, _timeout, cancellation);
    }

    /// <summary>Sends a request, follows what redirects reading allows, and fails where the answer is not one of those hoped for.</summary>
    async ValueTask<HttpResponseMessage> SendAsync(
        RegistryHost host, RegistryAction action, string what, Func<HttpRequestMessage> request, CancellationToken cancellation, params HttpStatusCode[] hopedFor)
    {
        var response = await host.SendAsync(action, request, cancellation).ConfigureAwait(false);
        if (HttpRedirects.IsRedirect(response.StatusCode) && action == RegistryAction.Pull)
        {
            var from = response.RequestMessage!.RequestUri!;
            Uri to;
            using (response) to = HttpRedirects.Target(what, from, response);
            host.Counters.Requested();
            response = await host.SendAsync(action, () => To(request(), to), cancellation).ConfigureAwait(false);
        }

        if (hopedFor.Contains(response.StatusCode)) return response;
        throw await HttpFailures.OfAsync($"{what} at {host.Name}", response, _endpoint.Delays.Clock, cancellation).ConfigureAwait(false);
    }

    static HttpRequestMessage To(HttpRequestMessage request, Uri address)
    {
        request.RequestUri = address;
        return request;
    }

    static HttpRequestMessage Manifest(HttpMethod method, RegistryHost host, string reference, IReadOnlyList<string> mediaTypes)
    {
        var request = new HttpRequestMessage(method, host.Address($"manifests/{reference}"));
        foreach (var type in mediaTypes) request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        return request;
    }

    static Digest? Said(HttpResponseMessage response) =>
        response.Headers.TryGetValues(DigestHeader, out var values) ? Digest.TryParse(values.First()) : null;
}
